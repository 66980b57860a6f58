import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { inTransaction, sql, type Tx } from "../../../infra/db/index.ts";
import { newId } from "../../../kernel/index.ts";
import { insertApp, insertEnvironment } from "../../../testing/placements.ts";
import { type TestRegistry, testRegistry } from "../../../testing/registry.ts";
import { waitUntil } from "../../../testing/wait-until.ts";
import { insertCreating } from "../databases/databases.sql.ts";
import type { ServerWanted } from "./choose-server.sql.ts";
import { chooseServer, requireEligible, requireRoom } from "./choose-server.ts";
import { giveServersTo, insertServer, retireServersOf, type ServerRow } from "./servers.sql.ts";

let registry: TestRegistry;
let appId: string;
beforeAll(async () => {
  registry = await testRegistry();
  appId = await insertApp(registry.db, "create table notes ()");
});
afterAll(() => registry.close());
// Servers of a test before would be chosen, too.
beforeEach(async () => {
  await sql`delete from databases`.execute(registry.db);
  await sql`delete from database_servers`.execute(registry.db);
});

/** A server of which only the row is there: nothing connects to it. */
async function server(name: string, facts: Partial<ServerRow> = {}, databases = 0): Promise<string> {
  const id = newId();
  await inTransaction(registry.db, async (tx) => {
    await insertServer(tx, {
      ...{ id, name, kind: "external", urlSecret: Buffer.from(""), versionNumber: 180_000, region: null },
      ...{ capacity: 10, maxBackends: 10, ...facts },
    });
    for (let number = 0; number < databases; number += 1) await fill(tx, id);
  });
  return id;
}

function fill(tx: Tx, serverId: string, level: "database" | "dedicated" = "database"): Promise<void> {
  const id = newId();
  return insertCreating(tx, { id, serverId, appId, level, name: id, schemaVersion: 1, roleName: id });
}

const choose = async (wanted: Partial<ServerWanted> = {}) =>
  inTransaction(registry.db, async (tx) => (await chooseServer(tx, { level: "database", ...wanted })).name);

const refused = (wanted: Partial<ServerWanted>) => choose(wanted).catch((error: unknown) => error);

test("the least full server is chosen; of several, the one with the most room; of those, always the same", async () => {
  await server("half-of-ten", {}, 5);
  await server("two-of-ten", {}, 2);
  await server("empty-and-small", { capacity: 3 });
  await server("empty-and-large", { capacity: 20 });
  await server("empty-and-large-too", { capacity: 20 });
  expect(await choose()).toBe("empty-and-large");
  expect(await choose()).toBe("empty-and-large");
});

test("a blueprint takes no room, a spare does", async () => {
  const id = await server("only", { capacity: 1 });
  const app = { app_id: appId, level: "database", name: "x", schema_version: 1 };
  const insert = (state: string) =>
    sql`
    insert into databases (id, server_id, app_id, level, name, schema_version, state)
    values (${newId()}, ${id}, ${app.app_id}, ${app.level}, ${state}, 1, ${state})`.execute(registry.db);
  await insert("blueprint");
  expect(await choose()).toBe("only");
  await insert("spare");
  expect(await refused({})).toMatchObject({ code: "no_capacity" });
});

test("a region is never left: not for a server with more room, and not when there is none", async () => {
  await server("elsewhere", { region: "us", capacity: 1_000 });
  await server("nowhere", { capacity: 1_000 });
  expect(await refused({ region: "eu" })).toMatchObject({
    code: "region_unavailable",
    remedy: expect.stringContaining("tenantry server add <name> --region eu"),
  });
  await server("here", { region: "eu", capacity: 1 });
  expect(await choose({ region: "eu" })).toBe("here");
  await inTransaction(registry.db, async (tx) =>
    fill(tx, (await chooseServer(tx, { level: "database", region: "eu" })).id),
  );
  expect(await refused({ region: "eu" })).toMatchObject({ code: "no_capacity" });
  // Whether there is one at all, full or not, is asked before a tenant is made.
  const check = (region: string) =>
    requireEligible(registry.db, { level: "database", region }, false).then(
      () => "fine",
      (error) => error.code,
    );
  expect([await check("eu"), await check("asia")]).toEqual(["fine", "region_unavailable"]);
});

test("a server that is kept for one environment takes one at `dedicated`, no second one, and none of another level", async () => {
  const kept = await server("kept", { dedicated: true, capacity: 1_000 });
  expect(await refused({})).toMatchObject({ code: "no_capacity" });
  expect(await choose({ level: "dedicated" })).toBe("kept");
  await inTransaction(registry.db, (tx) => fill(tx, kept, "dedicated"));
  expect(await refused({ level: "dedicated" })).toMatchObject({
    code: "no_capacity",
    remedy: "Register another one with `tenantry server add <name> --dedicated`.",
  });
  await server("general");
  expect(await choose()).toBe("general");
});

test("`dedicated` without any server for it is refused with what to do, unless servers are started here", async () => {
  await server("general", { kind: "embedded" });
  expect(await refused({ level: "dedicated" })).toMatchObject({
    code: "isolation_unavailable",
    remedy: expect.stringContaining("--dedicated"),
  });
  await requireEligible(registry.db, { level: "dedicated" }, true);
  await expect(
    requireEligible(registry.db, { level: "dedicated", region: "eu" }, true),
  ).rejects.toMatchObject({
    code: "region_unavailable",
  });
  await sql`update database_servers set region = 'eu'`.execute(registry.db);
  await requireEligible(registry.db, { level: "dedicated", region: "eu" }, true);
});

test("a server that is drained or away takes nobody; all away is told as such", async () => {
  await server("drained", { state: "draining" });
  await server("away", { state: "unavailable" });
  expect(await refused({})).toMatchObject({
    code: "server_unreachable",
    message: expect.stringContaining("away"),
  });
});

test("two who come at once can't fill a server beyond its capacity", async () => {
  const small = await server("small", { capacity: 1 });
  const large = await server("large", { capacity: 1_000 }, 900);
  const take = () =>
    inTransaction(registry.db, async (tx) => {
      const { id } = await chooseServer(tx, { level: "database" });
      await fill(tx, id);
      return id;
    });
  const taken = await Promise.all(Array.from({ length: 6 }, take));
  expect(taken.filter((id) => id === small)).toHaveLength(1);
  expect(taken.filter((id) => id === large)).toHaveLength(5);
  // A spare that is about to be built waits in the same line.
  await expect(inTransaction(registry.db, (tx) => requireRoom(tx, small))).rejects.toMatchObject({
    code: "no_capacity",
  });
});

test("whoever chooses a server waits for one who has chosen and not decided yet", async () => {
  const id = await server("only", { capacity: 1 });
  const [chosen, decided] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const holding = inTransaction(registry.db, async (tx) => {
    await requireRoom(tx, id);
    chosen.resolve();
    await decided.promise;
    await fill(tx, id);
  });
  try {
    await chosen.promise;
    const next = refused({});
    await waitUntil("the next one waits", async () => {
      const { rows } = await sql`select from pg_locks where locktype = 'advisory' and not granted`.execute(
        registry.db,
      );
      return rows.length > 0;
    });
    decided.resolve();
    expect(await next).toMatchObject({ code: "no_capacity" });
  } finally {
    decided.resolve();
    await holding;
  }
});

test("a tenant with a server of its own lives there alone and nowhere else, and shares at `shared`", async () => {
  const [owner, stranger] = [
    await insertEnvironment(registry.db, appId),
    await insertEnvironment(registry.db, appId),
  ];
  const { rows } = await sql<{ id: string; slug: string }>`
    select t.id, t.slug from tenants t join environments e on e.tenant_id = t.id where e.id = ${owner}
  `.execute(registry.db);
  const { id: tenantId, slug } = rows[0]!;
  await server("general", { capacity: 1_000 });
  // Registered before its tenant was there.
  const own = await server("own", { tenantSlug: slug, capacity: 2 });
  expect(await choose({ environmentId: owner })).toBe("general");
  await inTransaction(registry.db, (tx) => giveServersTo(tx, { tenantId, slug }));

  expect(await choose({ environmentId: owner })).toBe("own");
  expect(await choose({ environmentId: owner, level: "dedicated" })).toBe("own");
  expect(await choose({ environmentId: owner, level: "shared" })).toBe("general");
  expect(await choose({ environmentId: stranger })).toBe("general");
  expect(await choose({})).toBe("general");
  await inTransaction(registry.db, (tx) => fill(tx, own));
  expect(await choose({ environmentId: owner })).toBe("own");
  expect(await refused({ environmentId: owner, level: "dedicated" })).toMatchObject({ code: "no_capacity" });
  await sql`update database_servers set state = 'unavailable' where id = ${own}`.execute(registry.db);
  expect(await refused({ environmentId: owner })).toMatchObject({
    code: "server_unreachable",
    message: "The tenant's own server \"own\" doesn't answer.",
  });

  // After the tenant it serves nobody, not another one of that slug either.
  await inTransaction(registry.db, (tx) => retireServersOf(tx, tenantId));
  await sql`update database_servers set tenant_id = null where id = ${own}`.execute(registry.db);
  await inTransaction(registry.db, (tx) => giveServersTo(tx, { tenantId, slug }));
  expect(await choose({ environmentId: owner })).toBe("general");
});
