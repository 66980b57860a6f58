import type { DatabaseLevel, OperationReply, TenantReply } from "@tenantry/contract";
import pg from "pg";
import { expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { holdAt, recordingOf } from "../support/hold.ts";
import { password, siteUser } from "../support/site-user.ts";
import { killInsideEach, type Place } from "../support/together.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();

async function makeSite(level: DatabaseLevel): Promise<string> {
  const slug = fresh("mover");
  const admin = { email: `admin@${slug}.example`, password };
  await installation.api.createTenant(slug, { admin, isolation: { database: level } });
  expect(await write(slug, "home")).toBe(303);
  return slug;
}

/** A page, written as the tenant's people write one. */
async function write(slug: string, page: string): Promise<number> {
  const user = siteUser(installation, slug);
  expect(await user.logIn(`admin@${slug}.example`)).toBe(303);
  const fields = { title: page, slug: page, body: `The page ${page} of ${slug}.`, intent: "publish" };
  return (await user.post("/admin/pages", fields)).status;
}

async function beginMove(slug: string, database: DatabaseLevel): Promise<string> {
  const path = `/v1/tenants/${slug}/environments/production/move`;
  const { status, body } = await installation.api.call<OperationReply>("POST", path, {
    isolation: { database },
  });
  expect(status).toBe(202);
  return body.id;
}

/** It is at a level, on the air, and has what was written before and what is written now. */
async function servesAt(
  slug: string,
  level: DatabaseLevel,
  says = `The page home of ${slug}.`,
): Promise<void> {
  const { body } = await installation.api.call<TenantReply>("GET", `/v1/tenants/${slug}`);
  expect(body.environments[0]).toMatchObject({ status: "ready", placements: { database: { level } } });
  expect((await installation.visit(slug, "/")).body).toContain(says);
  expect(await write(slug, "after")).toBe(303);
  expect((await installation.visit(slug, "/after")).status).toBe(200);
}

const recorded = (step: string): Place => ({
  step,
  when: "when all is done but recording it",
  point: recordingOf(step),
});

const places: Place[] = [
  recorded("close"),
  recorded("copy"),
  recorded("verify"),
  recorded("reopen"),
  {
    step: "clean-up",
    when: "before it is forgotten",
    point: { before: "delete", on: "placements", when: "old.state = 'retired'" },
  },
  {
    step: "switch",
    when: "between the old place and the new one",
    point: { before: "update", on: "placements", when: "old.state = 'building' and new.state = 'current'" },
  },
];

it("after kill -9 of everything at any step of a move, the tenant arrives with all it had, and nothing is left over or missing", async () => {
  const made = await Promise.all(places.map(() => makeSite("shared")));
  const slugs = new Map(places.map((place, index) => [place, made[index]!]));
  const all = await killInsideEach(installation, places, (place) => beginMove(slugs.get(place)!, "database"));
  for (const { place, ended } of all)
    expect([place.step, ended.status, ended.error]).toEqual([place.step, "succeeded", null]);
  await Promise.all(made.map((slug) => servesAt(slug, "database")));
  await becomesWhole(installation);
});

it("after kill -9 of everything in a move that a release waits for, both end: neither waits for the other", async () => {
  const app = fresh("notes");
  const release = (...texts: string[]) => ({
    upstreamUrl: "http://127.0.0.1:9",
    migrations: texts.map((sql, index) => ({ name: `000${index + 1}.sql`, sql })),
  });
  const { call, ended } = installation.api;
  const first = "create table notes (id int primary key);";
  const made = await call<{ operationId: string }>("POST", "/v1/apps", { slug: app, ...release(first) });
  expect(await ended(made.body.operationId)).toMatchObject({ status: "succeeded" });
  const slug = fresh("mover");
  await installation.api.createTenant(slug, { app, isolation: { database: "schema" } });
  await using hold = await holdAt(installation, recordingOf("close"));
  const move = await beginMove(slug, "database");
  await hold.reached(move);
  const second = release(first, "alter table notes add column stars int;");
  const { body } = await call<OperationReply>("POST", `/v1/apps/${app}/releases`, second);
  await eventually("it has come to the tenant's database", async () => {
    const { body: now } = await call<OperationReply>("GET", `/v1/operations/${body.id}`);
    return now.steps.some(({ name, status }) => name === "migrate-tenants" && status === "running");
  });
  await installation.kill();
  await installation.start();
  await hold.release();
  for (const id of [move, body.id]) expect(await ended(id)).toMatchObject({ status: "succeeded" });
  await becomesWhole(installation);
});

it("a move that is cancelled right before the tenant is sent to its new place leaves it where it was, and open; a script that comes meanwhile waits", async () => {
  const slug = await makeSite("shared");
  await using hold = await holdAt(installation, {
    before: "update",
    on: "placements",
    when: "new.state = 'retired'",
  });
  const operationId = await beginMove(slug, "schema");
  await eventually("it is about to be sent there", async () => {
    const { steps } = await shown(operationId);
    return steps.some(({ name, status }) => name === "switch" && status === "running");
  });
  await hold.reached();
  expect((await installation.visit(slug, "/")).status).toBe(503);
  const scriptId = await beginScript(slug, "update pages set body = 'Written by a script.'");
  await eventually("the script waits", async () => (await shown(scriptId)).status === "waiting");
  const { status } = await installation.api.call("POST", `/v1/operations/${operationId}/cancel`);
  expect(status).toBe(202);
  await hold.release();
  expect(await installation.api.ended(operationId)).toMatchObject({ status: "cancelled" });
  await ran(scriptId);
  await servesAt(slug, "shared", "Written by a script.");
  await becomesWhole(installation);
});

it("a move waits for a script that is at work, and the tenant arrives with what it wrote", async () => {
  const slug = await makeSite("schema");
  const path = `/v1/tenants/${slug}/environments/production/credentials`;
  const { body } = await installation.api.call<{ url: string }>("PUT", path);
  const client = new pg.Client({ connectionString: body.url });
  // It is closed as soon as it is no longer at work.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("begin; select from pages for update");
    const scriptId = await beginScript(slug, "update pages set body = 'Written by a script.'");
    await eventually("it is at work", async () => {
      const atWork = await installation.sql("select from tenantry.script_runs where status = 'running'");
      return atWork.length === 1;
    });
    const operationId = await beginMove(slug, "database");
    await eventually(
      "the move waits for it",
      async () => (await shown(operationId)).message === "Waiting for a script",
    );
    // It is served meanwhile; the home page would stay in its cache.
    expect((await installation.visit(slug, "/nowhere")).status).toBe(404);
    await client.query("commit");
    await ran(scriptId);
    expect(await installation.api.ended(operationId)).toMatchObject({ status: "succeeded" });
  } finally {
    await client.end();
  }
  await servesAt(slug, "database", "Written by a script.");
});

const shown = async (operationId: string) =>
  (await installation.api.call<OperationReply>("GET", `/v1/operations/${operationId}`)).body;

async function beginScript(tenant: string, sql: string): Promise<string> {
  const script = { name: "mend.sql", sql, tenant, again: true };
  const { status, body } = await installation.api.call<OperationReply>("POST", runs, script);
  expect(status).toBe(202);
  return body.id;
}

const runs = "/v1/apps/sites/script-runs";

/** Waits until a script has run once, on one tenant. */
async function ran(operationId: string): Promise<void> {
  expect(await installation.api.ended(operationId)).toMatchObject({ status: "succeeded" });
  const path = `${runs}?operation=${operationId}`;
  const { body } = await installation.api.call<{ items: { rowsChanged: number }[] }>("GET", path);
  expect(body.items).toMatchObject([{ status: "succeeded", rowsChanged: 1 }]);
}
