import { copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { OperationReply, TenantReply } from "@tenantry/contract";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { type Gate, putGates } from "../support/gates.ts";
import { holdAt } from "../support/hold.ts";
import { withClient } from "../support/registry.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();

const undone = (step: string): Gate => ({
  where: `${step} is undone, but for recording it`,
  point: {
    before: "update",
    on: "operation_steps",
    when: `new.name = '${step}' and old.status = 'undoing' and new.status = 'undone'`,
  },
});

const beforeRemoval: Gate = {
  where: "the database is still in use, or on its way out",
  point: { before: "update", on: "databases", when: "new.state = 'removing'" },
  isStop: true,
};

/** The way back from the last step to the first, in its order. */
const wayBack: Gate[] = [
  { where: "the admin is there still", point: { before: "delete", on: "users" } },
  {
    where: "the files are gone, and their record is there still",
    // On a busy machine the lease may have run out before the restart: then the record is left to the sweeper.
    point: { before: "delete or update", on: "resources", when: "old.kind = 'storage'" },
  },
  beforeRemoval,
  { where: "the database isn't closed yet", point: { catalog: "pg_database" } },
  beforeRemoval,
  { where: "the database was dropped, its role wasn't", point: { catalog: "pg_authid" } },
  {
    where: "database and role are gone, and the registry has both",
    point: { before: "delete", on: "databases", when: "old.state = 'removing'" },
  },
  {
    where: "all is undone, and the tenant isn't failed yet",
    point: { before: "update", on: "tenants", when: "new.status = 'failed'" },
  },
];

describe("kill -9 of everything while a provisioning is undone, again and again", () => {
  it("at every point on the way back after it failed: it ends as failed, nothing is left, the slug can be used again", async () => {
    const slug = fresh("failing");
    await using gates = await putGates(installation, wayBack);
    await failAtActivation();
    const operationId = await beginTenant(slug);
    await gates.killAtEach(operationId);
    const ended = await installation.api.ended(operationId);
    expect(ended).toMatchObject({ status: "failed", error: { detail: "It was never meant to be." } });
    // A failed tenant keeps its slug and its host; there is nothing to take back of the step that failed.
    const told = Object.fromEntries(ended.steps.map(({ name, status }) => [name, status]));
    expect(told).toEqual({
      ...{ register: "done", "configure-domain": "done", activate: "failed" },
      ...{ "create-database": "undone", "initialise-storage": "undone", "prepare-cache": "undone" },
      "create-admin": "undone",
    });
    await installation.sql("drop function tenantry.fail_for_test cascade");
    await becomesWhole(installation);
    await canBeUsedAgain(slug);
  });

  it("after it was cancelled while its database was being built: it ends as cancelled, nothing is left", async () => {
    const slug = fresh("cancelled");
    await using gates = await putGates(installation, [
      {
        where: "the role is there, the database isn't",
        point: { before: "update", on: "databases", when: "new.state = 'removing'" },
      },
      { where: "the role isn't dropped yet", point: { catalog: "pg_authid" } },
      {
        where: "the registry still has both",
        point: { before: "delete", on: "databases", when: "old.state = 'removing'" },
      },
    ]);
    const operationId = await withoutSpares(async () => {
      await using hold = await holdAt(installation, { catalog: "pg_database" });
      const begun = await beginTenant(slug);
      await hold.reached(begun);
      await cancel(begun);
      return begun;
    });
    await gates.killAtEach(operationId);
    expect(await installation.api.ended(operationId)).toMatchObject({ status: "cancelled", error: null });
    await becomesWhole(installation);
    await canBeUsedAgain(slug);
  });
});

describe("kill -9 of everything while a release is undone, again and again", () => {
  it("after it was cancelled because it never answered: nothing of it runs, the one before serves, another can come", async () => {
    const [app, slug] = [fresh("echo"), fresh("acme")];
    const program = path.join(installation.directory, app);
    await mkdir(program);
    const echo = new URL("../support/applications/echo.mjs", import.meta.url);
    await copyFile(echo, path.join(program, "echo.mjs"));
    await writeFile(path.join(program, "silent.mjs"), "setInterval(() => {}, 60_000);");
    const migrations = [{ name: "0001.sql", sql: "create table one ();" }];
    const release = (command: string, number: number) => ({
      command,
      workingDirectory: program,
      variables: { RELEASE: String(number) },
      migrations,
    });
    await released("POST", "/v1/apps", { slug: app, ...release("node echo.mjs", 1) });
    await installation.api.createTenant(slug, { app });
    await using gates = await putGates(installation, [
      {
        where: "nodes are told to run it still",
        point: {
          before: "update",
          on: "apps",
          when: "old.next_release_id is not null and new.next_release_id is null",
        },
      },
      undone("start-instances"),
      {
        where: "all is undone, and it isn't cancelled yet",
        point: {
          before: "update",
          on: "operations",
          when: "new.kind = 'app.release' and new.status = 'cancelled' and old.status = 'cancelling'",
        },
      },
    ]);
    const begun = await installation.api.call<OperationReply>(
      "POST",
      `/v1/apps/${app}/releases`,
      release("node silent.mjs", 2),
    );
    await eventually("it waits for its process", async () => {
      const rows = await installation.sql("select from apps where next_release_id is not null");
      return rows.length > 0;
    });
    await cancel(begun.body.id);
    await gates.killAtEach(begun.body.id);
    expect(await installation.api.ended(begun.body.id)).toMatchObject({ status: "cancelled" });
    await becomesWhole(installation);
    await shows(slug, "1");
    await released("POST", `/v1/apps/${app}/releases`, release("node echo.mjs", 3));
    await shows(slug, "3");
    await becomesWhole(installation);
  });
});

describe("kill -9 of everything while the sweeper removes what a cancelled operation left", () => {
  it("in the middle of a slow migration: the cancel takes effect at once, and nothing is left after the restart", async () => {
    const migrations = [{ name: "0001.sql", sql: "select pg_sleep(120);" }];
    const app = { slug: fresh("slow"), upstreamUrl: "http://127.0.0.1:9", migrations };
    const { body } = await installation.api.call<{ operationId: string }>("POST", "/v1/apps", app);
    await eventually("the migration sleeps", async () => (await sleepers()) > 0);
    await using hold = await holdAt(installation, { catalog: "pg_database" });
    await cancel(body.operationId);
    expect(await installation.api.ended(body.operationId)).toMatchObject({ status: "cancelled" });
    await hold.reached();
    expect(await sleepers()).toBe(0);
    await installation.kill();
    await installation.start();
    await becomesWhole(installation);
  });
});

async function sleepers(): Promise<number> {
  const rows = await installation.sql(
    "select from pg_stat_activity where state = 'active' and query like '%pg_sleep(120)%' and pid <> pg_backend_pid()",
  );
  return rows.length;
}

async function released(method: string, url: string, body: object): Promise<void> {
  const reply = await installation.api.call<{ id: string; operationId?: string }>(method, url, body);
  const ended = await installation.api.ended(reply.body.operationId ?? reply.body.id);
  expect(ended).toMatchObject({ status: "succeeded" });
}

async function shows(slug: string, number: string): Promise<void> {
  await eventually(`${slug} is served by release ${number}`, async () => {
    const page = await installation.visit(slug);
    return page.status === 200 && JSON.parse(page.body).variables.RELEASE === number;
  });
}

async function cancel(operationId: string): Promise<void> {
  const { status, body } = await installation.api.call<OperationReply>(
    "POST",
    `/v1/operations/${operationId}/cancel`,
  );
  expect([status, body.status]).toEqual([202, "cancelling"]);
}

/** Holds all spares, so that whoever wants a database meanwhile has it built. */
async function withoutSpares<Result>(work: () => Promise<Result>): Promise<Result> {
  return withClient(installation.registryUrl, async (client) => {
    await client.query("begin; select from databases where state = 'spare' for update");
    return work();
  });
}

async function failAtActivation(): Promise<void> {
  await installation.sql(`
    drop function if exists tenantry.fail_for_test cascade;
    create function tenantry.fail_for_test() returns trigger language plpgsql as $$
    begin raise 'It was never meant to be.'; end $$;
    create trigger fail_for_test before update on tenantry.environments for each row
    when (new.status = 'ready') execute function tenantry.fail_for_test()`);
}

async function beginTenant(slug: string): Promise<string> {
  const admin = { email: `admin@${slug}.example`, password: "correct horse battery" };
  const body = { slug, name: `The ${slug} company`, admin };
  const reply = await installation.api.call<OperationReply>("POST", "/v1/tenants", body);
  expect(reply.status).toBe(202);
  return reply.body.id;
}

/** The failed tenant goes, and another one of that name comes and is served. */
async function canBeUsedAgain(slug: string): Promise<void> {
  const { body: failed } = await installation.api.call<TenantReply>("GET", `/v1/tenants/${slug}`);
  expect(failed.status).toBe("failed");
  const gone = await installation.api.call<OperationReply>("DELETE", `/v1/tenants/${slug}?now=true`);
  expect(await installation.api.ended(gone.body.id)).toMatchObject({ status: "succeeded" });
  await installation.api.createTenant(slug);
  const page = await installation.visit(slug);
  expect(page.status).toBe(200);
  expect(page.body).toContain(`The ${slug} company`);
  await becomesWhole(installation);
}
