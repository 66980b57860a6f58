import { afterAll, beforeAll, expect, test } from "vitest";
import { notes, runAt } from "../../drivers/database/driver.testsuite.ts";
import { sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { createWorker, type Worker } from "../../infra/workflow/index.ts";
import { newId } from "../../kernel/index.ts";
import { insertApp, type TestPlacements, testPlacements } from "../../testing/placements.ts";
import { insertTestTenant, type TestTenant } from "../../testing/tenants.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { createEvents } from "../events/index.ts";
import { type Credentials, createCredentials } from "./index.ts";

let house: TestPlacements;
let credentials: Credentials;
let worker: Worker;
let appId: string;

beforeAll(async () => {
  house = await testPlacements();
  const { db, registry, secrets, placements } = house;
  const versions = { changes: async function* () {}, close: async () => undefined };
  const events = createEvents({ db, versions: versions as never, source: "test" });
  credentials = createCredentials({ db, log: silentLog, secrets, placements, events });
  const workflows = Object.values(credentials.workflows);
  worker = createWorker({ ...registry, workflows, log: silentLog, retryBaseMs: 10, pollMs: 50 });
  await worker.start();
  appId = await insertApp(db, notes);
});
afterAll(async () => {
  await worker?.close();
  await house?.close();
});

/** An active tenant at the level `shared`. */
async function tenant(): Promise<TestTenant & { databaseId: string }> {
  const { db, placements } = house;
  const made = await insertTestTenant(db, appId, `t-${newId().slice(-12)}`);
  const wanted = { environmentId: made.environmentId, appId, level: "shared" as const, schemaVersion: 1 };
  const { databaseId } = await house.run((context) => placements.placeDatabase(context, wanted));
  // Which a test may have left that is tried again.
  await mended(databaseId);
  return { ...made, databaseId };
}

const targetOf = ({ slug }: TestTenant) => ({ tenant: slug, environment: "production" });

async function rotate(of: TestTenant, overlapSeconds = 0) {
  const operation = await credentials.rotate(targetOf(of), overlapSeconds, "test");
  return { status: await house.ended(operation!), operation: operation! };
}

const count = (url: string) =>
  runAt(url, "select count(*)::int as count from notes").then(
    ([row]) => row!.count as number,
    (error: { code: string }) => error.code,
  );

async function rolesStanding(): Promise<string[]> {
  const rows = await runAt<{ name: string }>(
    house.postgres.url,
    "select rolname as name from pg_roles where rolname ~ '^tnl_'",
  );
  return rows.map(({ name }) => name);
}

const change = (text: string, id: string) =>
  runAt(house.registry.url, "set search_path = tenantry", text.replace("$1", `'${id}'`));

const mended = (databaseId: string) =>
  change("update databases set seal_problems = null where id = $1", databaseId);

test("ensuring twice makes one login, which the registry knows only as ciphertext", async () => {
  const of = await tenant();
  const operation = await credentials.ensure(targetOf(of), "test");
  expect(await house.ended(operation!)).toBe("succeeded");
  expect(await credentials.ensure(targetOf(of), "test")).toBeUndefined();
  const { url, password, user, open } = await credentials.show(targetOf(of));
  expect([open, await count(url)]).toEqual([true, 1]);
  const { rows } = await sql<{ all: string }>`
    select string_agg(c::text, '') || string_agg(s::text, '') || string_agg(e::text, '') as all
    from credentials c, operation_steps s, events e
  `.execute(house.db);
  expect(rows[0]!.all).toContain(user);
  expect(rows[0]!.all).not.toContain(password);
});

test("logins follow their tenant and their database's seal, and stay as they are where nothing changed", async () => {
  const of = await tenant();
  await rotate(of);
  const { url } = await credentials.show(targetOf(of));
  for (const [closing, opening] of [
    ["update tenants set status = 'suspended'", "update tenants set status = 'active'"],
    ["update tenants set status = 'deleting'", "update tenants set status = 'active'"],
  ] as const) {
    await change(`${closing} where id = $1`, of.tenantId);
    await credentials.keeper.pass();
    expect([await count(url), (await credentials.show(targetOf(of))).open]).toEqual(["28000", false]);
    await change(`${opening} where id = $1`, of.tenantId);
    await credentials.keeper.pass();
    expect(await count(url)).toBe(1);
  }
  await change("update databases set seal_problems = '{It leaks.}' where id = $1", of.databaseId);
  await credentials.keeper.pass();
  expect(await count(url)).toBe("28000");
  await mended(of.databaseId);
  await credentials.keeper.pass();
  expect(await count(url)).toBe(1);
});

test("a login that retires works until it expires, and is gone after that", async () => {
  const of = await tenant();
  await rotate(of);
  const first = await credentials.show(targetOf(of));
  await rotate(of, 3_600);
  const second = await credentials.show(targetOf(of));
  expect(second.previous).toEqual([{ user: first.user, expiresAt: expect.any(String) }]);
  await credentials.keeper.pass();
  for (const { url } of [first, second]) expect(await count(url)).toBe(1);
  await change("update credentials set expires_at = now() where role_name = $1", first.user);
  await credentials.keeper.pass();
  expect(await rolesStanding()).not.toContain(first.user);
  expect(await count(second.url)).toBe(1);
  expect((await credentials.show(targetOf(of))).previous).toEqual([]);
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
});

test("a rotation that can't be made leaves the login before it as it was, and nothing else", async () => {
  const of = await tenant();
  await rotate(of);
  const before = await credentials.show(targetOf(of));
  const standing = await rolesStanding();
  const { rows } = await sql<{
    name: string;
  }>`select name from databases where id = ${of.databaseId}`.execute(house.db);
  const database = new URL(house.postgres.url);
  database.pathname = `/${rows[0]!.name}`;
  await runAt(database.href, "alter table tenantry.login add constraint nobody_more check (false) not valid");
  const { status } = await rotate(of);
  await runAt(database.href, "alter table tenantry.login drop constraint nobody_more");
  expect(status).toBe("failed");
  expect(await credentials.show(targetOf(of))).toEqual(before);
  expect(await count(before.url)).toBe(1);
  await waitUntil("the half-made login is gone", async () => {
    await house.sweeper.sweep();
    return (await rolesStanding()).length === standing.length;
  });
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
});

test("a tenant that isn't there yet, or any more, gets none", async () => {
  const of = await tenant();
  await change("update tenants set status = 'provisioning' where id = $1", of.tenantId);
  await expect(credentials.ensure(targetOf(of), "test")).rejects.toMatchObject({
    code: "illegal_transition",
  });
  await change("update tenants set status = 'active' where id = $1", of.tenantId);
  const elsewhere = { ...targetOf(of), environment: "staging" };
  await expect(credentials.show(elsewhere)).rejects.toMatchObject({ code: "environment_not_found" });
  await expect(credentials.show(targetOf(of))).rejects.toMatchObject({ code: "credentials_not_found" });
});
