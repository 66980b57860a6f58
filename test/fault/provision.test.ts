import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { OperationReply, SettingReply, TenantReply } from "@tenantry/contract";
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { holdAt, recordingOf } from "../support/hold.ts";
import { password, siteUser } from "../support/site-user.ts";
import { killInsideEach, type Place, titled } from "../support/together.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();

const places: Place[] = [
  {
    step: "initialise-storage",
    when: "before the directory is made",
    point: { before: "insert", on: "resources", when: "new.kind = 'storage'" },
  },
  {
    step: "initialise-storage",
    when: "after the directory was made",
    point: { before: "update", on: "resources", when: "new.kind = 'storage' and new.state = 'present'" },
  },
  {
    step: "prepare-cache",
    when: "while it writes its placement",
    point: { before: "insert", on: "placements", when: "new.kind = 'cache'" },
  },
  { step: "create-admin", when: "while it adds the user", point: { before: "insert", on: "users" } },
  {
    step: "activate",
    when: "between the tenant and its environment",
    point: { before: "update", on: "environments", when: "new.status = 'ready'" },
  },
  // Last of those it is with: others wait for its locks.
  {
    step: "create-database",
    when: "while it takes a spare",
    point: { before: "insert", on: "placements", when: "new.kind = 'database'" },
  },
  ...[
    "register",
    "create-database",
    "initialise-storage",
    "prepare-cache",
    "configure-domain",
    "create-admin",
    "activate",
  ].map((step) => ({ step, when: "when all is done but recording it", point: recordingOf(step) })),
];

describe("kill -9 of everything during the provisioning of tenants", () => {
  it.each([places.slice(0, 6), places.slice(6)].map(titled))(
    "%s: each tenant becomes active, and nothing is left over or missing",
    async (_title, places) => {
      const slugs = new Map(places.map((place) => [place, fresh("tenant")]));
      const all = await killInsideEach(installation, places, (place) => beginTenant(slugs.get(place)!));
      for (const { place, ended } of all) {
        expect(ended, place.when).toMatchObject({ status: "succeeded" });
        await isServed(slugs.get(place)!);
      }
      await becomesWhole(installation);
    },
  );
});

describe("kill -9 of everything while a database is built on the spot, since there is no spare", () => {
  it.each([
    { when: "before its role is made", point: { catalog: "pg_authid" } as const },
    { when: "before it is made", point: { catalog: "pg_database" } as const },
  ])("$when: the tenant becomes active, and nothing is left over or missing", async ({ point }) => {
    await using hold = await holdAt(installation, point);
    // Others take what stands ready, until one finds the shelf empty.
    const begun = await eventually("a tenant is held", async () => {
      const slug = fresh("on-the-spot");
      const operationId = await beginTenant(slug);
      const { status } = await Promise.race([
        installation.api.ended(operationId),
        hold.reached(operationId).then(() => ({ status: "held" })),
      ]);
      return status === "held" ? { operationId, slug } : undefined;
    });
    await installation.kill();
    await installation.start();
    await hold.release();
    expect(await installation.api.ended(begun.operationId)).toMatchObject({ status: "succeeded" });
    await isServed(begun.slug);
    await becomesWhole(installation);
  });
});

const seeding: Place[] = [
  {
    step: "seed-data",
    when: "when all rows are in and nothing is committed",
    point: { before: "update", on: "seedings", when: "new.transaction_id is not null" },
  },
  {
    step: "seed-data",
    when: "when rows and files are there, but it isn't recorded",
    point: recordingOf("seed-data"),
  },
  {
    step: "apply-configuration",
    when: "in the middle of the settings",
    point: { before: "insert", on: "settings", when: "new.key = 'maxPages'" },
  },
];

const agency = fileURLToPath(new URL("../../docs/examples/agency/template.yaml", import.meta.url));

describe("kill -9 of everything while a tenant is made from a template", () => {
  it.each([titled(seeding)])("%s: each row, file and setting is there once", async (_title, places) => {
    const template = fresh("agency");
    const made = await installation.command(["template", "create", template, "--from", agency]);
    expect(made.code, made.stderr).toBe(0);
    const slugs = new Map(places.map((place) => [place, fresh("seeded")]));
    const begin = (place: Place) => beginTenant(slugs.get(place)!, { template });
    for (const { place, ended } of await killInsideEach(installation, places, begin)) {
      const slug = slugs.get(place)!;
      expect(ended, place.when).toMatchObject({ status: "succeeded" });
      const page = await served(slug);
      expect(page.body).toContain(`Welcome to The ${slug} company`);
      for (const one of ["services", "work", "about", "contact"])
        expect(page.body.split(`href="/${one}"`).length, one).toBeGreaterThan(1);
      const picture = "/media/0190a000-0000-7000-8000-00000000a001/studio.png";
      expect((await installation.visit(slug, picture)).status).toBe(200);
      const { body } = await installation.api.call<{ items: SettingReply[] }>(
        "GET",
        `/v1/tenants/${slug}/settings`,
      );
      const setting = (key: string) => body.items.find((one) => one.key === key);
      expect(setting("maxPages")).toMatchObject({ value: 50, source: "tenant" });
      expect(setting("app.tagline")?.value).toBe(`The ${slug} company, at your service`);
    }
    await becomesWhole(installation);
  });

  it("data that can't be put in fails with file and line, and all of it is undone", async () => {
    const [slug, template] = [fresh("undone"), fresh("bad")];
    const directory = path.join(installation.directory, template);
    await mkdir(directory);
    await writeFile(path.join(directory, "t.yaml"), "apiVersion: tenantry/v1\ndata: [bad.sql]\n");
    await writeFile(path.join(directory, "bad.sql"), "select 1;\n\ninsert into no_such_table values (1);\n");
    const from = path.join(directory, "t.yaml");
    expect((await installation.command(["template", "create", template, "--from", from])).code).toBe(0);
    const operationId = await beginTenant(slug, { template });
    expect(await installation.api.ended(operationId)).toMatchObject({
      status: "failed",
      error: { code: "starter_data_failed", detail: expect.stringContaining("bad.sql, line 3: ") },
    });
    await becomesWhole(installation);
    const rows = await installation.sql(
      "select from seedings s join environments e on e.id = s.environment_id join tenants t on t.id = e.tenant_id where t.slug = $1",
      [slug],
    );
    expect(rows).toEqual([]);
    await writeFile(path.join(directory, "bad.sql"), "select 1;\n");
    expect((await installation.command(["template", "update", template, "--from", from])).code).toBe(0);
    // The revision that it began with is the bad one still.
    const again = await installation.api.call("POST", `/v1/operations/${operationId}/retry`);
    expect(again.status).toBe(202);
    expect(await installation.api.ended(operationId)).toMatchObject({ status: "failed" });
    const gone = await installation.command(["tenant", "delete", slug, "--now", "--yes", "--wait"]);
    expect(gone.code, gone.stderr).toBe(0);
    expect(await installation.api.ended(await beginTenant(slug, { template }))).toMatchObject({
      status: "succeeded",
    });
    await becomesWhole(installation);
  });
});

const cloning: Place[] = [
  ...["copy-rows", "copy-files"].map((step) => ({
    step,
    when: "when all is done but recording it",
    point: recordingOf(step),
  })),
  { step: "copy-users", when: "while it adds one", point: { before: "insert", on: "users" } },
  // Last: others wait for its locks.
  {
    step: "copy-rows",
    when: "before the rows come in",
    point: {
      before: "insert",
      on: "resources",
      when: "new.kind = 'role' and new.physical_name like 'tnm_%'",
    },
  },
];

describe("kill -9 of everything while a tenant is cloned", () => {
  let source: string;
  beforeAll(async () => {
    source = fresh("source");
    expect(await installation.api.ended(await beginTenant(source))).toMatchObject({ status: "succeeded" });
    const user = siteUser(installation, source);
    expect(await user.logIn(`admin@${source}.example`)).toBe(303);
    const page = { title: "Home", slug: "home", body: `Written at ${source}.`, intent: "publish" };
    expect((await user.post("/admin/pages", page)).status).toBe(303);
  });

  it.each([titled(cloning)])(
    "%s: each copy becomes active with all that the source has, and nothing is left over or missing",
    async (_title, places) => {
      const slugs = new Map(places.map((place) => [place, fresh("copy")]));
      const all = await killInsideEach(installation, places, async (place) => {
        const body = { slug: slugs.get(place), name: "The copy", include: { users: true } };
        const path = `/v1/tenants/${source}/clone`;
        return (await installation.api.call<OperationReply>("POST", path, body)).body.id;
      });
      for (const { place, ended } of all) {
        const slug = slugs.get(place)!;
        expect(ended, place.when).toMatchObject({ status: "succeeded" });
        const users = await installation.api.call<{ items: unknown[] }>("GET", `/v1/tenants/${slug}/users`);
        expect(users.body.items).toHaveLength(1);
        for (const each of [slug, source])
          expect((await served(each)).body).toContain(`Written at ${source}.`);
      }
      await becomesWhole(installation);
    },
  );
});

async function beginTenant(slug: string, more: object = {}): Promise<string> {
  const admin = { email: `admin@${slug}.example`, password };
  const body = { slug, name: `The ${slug} company`, admin, ...more };
  const { status, body: operation } = await installation.api.call<OperationReply>(
    "POST",
    "/v1/tenants",
    body,
  );
  expect(status).toBe(202);
  return operation.id;
}

async function isServed(slug: string): Promise<void> {
  const { body: tenant } = await installation.api.call<TenantReply>("GET", `/v1/tenants/${slug}`);
  expect(tenant).toMatchObject({ status: "active", environments: [{ status: "ready" }] });
  const users = await installation.api.call<{ items: unknown[] }>("GET", `/v1/tenants/${slug}/users`);
  expect(users.body.items).toHaveLength(1);
  const page = await served(slug);
  expect(page).toMatchObject({ status: 200 });
  expect(page.body).toContain(`The ${slug} company`);
}

/** Its page, as soon as it is shown: after a restart the application may still be starting. */
async function served(slug: string) {
  return eventually(`${slug} is served`, async () => {
    const page = await installation.visit(slug);
    return page.status === 200 ? page : undefined;
  });
}
