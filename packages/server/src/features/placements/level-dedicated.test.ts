import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { notes, runAt } from "../../drivers/database/driver.testsuite.ts";
import { createEmbeddedServers, type DriverContext } from "../../drivers/database/index.ts";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { failure, newId } from "../../kernel/index.ts";
import { isDead } from "../../testing/embedded-postgres.ts";
import { type TestFleet, testFleet } from "../../testing/fleet.ts";
import {
  insertApp,
  insertEnvironment,
  insertMigrations,
  type TestPlacements,
  testPlacements,
} from "../../testing/placements.ts";
import { testPostgres } from "../../testing/postgres.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { currentPlacements } from "./index.ts";
import { insertServer } from "./servers/servers.sql.ts";

let fleet: TestFleet;
let house: TestPlacements;
/** What happens after a server has come up, before the registry learns of it. */
let afterStart: (context: DriverContext, serverId: string) => Promise<void>;

beforeAll(async () => {
  fleet = await testFleet();
  const servers = createEmbeddedServers(fleet);
  house = await testPlacements({
    servers: {
      ...servers,
      async provide(context, serverId) {
        const provided = await servers.provide(context, serverId);
        await afterStart(context, serverId);
        return provided;
      },
    },
  });
});
afterAll(async () => {
  await house?.close();
  await fleet?.close();
});
beforeEach(() => {
  afterStart = async () => undefined;
});

const level = "dedicated" as const;

async function place(appId: string, environmentId: string) {
  const wanted = { environmentId, appId, level, schemaVersion: 1 };
  return house.run(
    (context) => house.placements.placeDatabase(context, wanted),
    (context) => house.placements.removePlacements(context, { environmentId, kind: "database" }),
  );
}

const remove = (environmentId: string) =>
  house.run((context) => house.placements.removePlacements(context, { environmentId, kind: "database" }));

async function urlOf(environmentId: string): Promise<string> {
  const found = await house.placements.runtimePlaces(house.db, [environmentId]);
  return found.get(environmentId)!.database!.url;
}

/** Of all servers that were started: their rows, directories, and what is left of them in other tables. */
async function standing() {
  const { rows } = await sql<{ servers: number; resources: number; databases: number }>`
    select (select count(*) from database_servers where dedicated) as servers,
      (select count(*) from resources where kind = 'server') as resources,
      (select count(*) from databases where level = 'dedicated') as databases
  `.execute(house.db);
  return { ...rows[0], directories: (await fleet.list()).length };
}

const nothing = { servers: 0, resources: 0, databases: 0, directories: 0 };
const nothingOdd = async () => expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);

test("an environment gets a server to itself, keeps it when asked again, and takes all of it along when it goes", async () => {
  const appId = await insertApp(house.db, notes);
  const environmentId = await insertEnvironment(house.db, appId);
  const placed = await place(appId, environmentId);
  expect(await place(appId, environmentId)).toMatchObject({ databaseId: placed.databaseId });
  const url = await urlOf(environmentId);
  expect(new URL(url).port).not.toBe(String(house.postgres.port));
  expect(await runAt(url, "select body from notes")).toEqual([{ body: "from the migration" }]);
  const shown = (await currentPlacements(house.db, [environmentId])).get(environmentId)?.database;
  expect(shown).toMatchObject({ level, server: expect.stringMatching(/^dedicated-/) });
  expect(await standing()).toEqual({ servers: 1, resources: 1, databases: 1, directories: 1 });
  await nothingOdd();

  await insertMigrations(house.db, appId, 2, ["alter table notes add column stars int default 2"]);
  await house.run((context) => house.placements.migrateDatabase(context, placed.databaseId, 2));
  expect(await runAt(url, "select stars from notes")).toEqual([{ stars: 2 }]);

  const [name] = await fleet.list();
  const pid = (await fleet.pidOf(name!))!;
  for (let time = 0; time < 2; time += 1) await remove(environmentId);
  expect(await isDead(pid)).toBe(true);
  expect(await standing()).toEqual(nothing);
  await nothingOdd();
});

test("a server that was given for one environment goes before one that is started, and is cleared for the next", async () => {
  const given = await testPostgres();
  try {
    const serverId = newId();
    await inTransaction(house.db, (tx) =>
      insertServer(tx, {
        ...{ id: serverId, name: `given-${serverId}`, kind: "external", dedicated: true },
        urlSecret: house.secrets.seal(given.url, `database_server:${serverId}`),
        ...{ versionNumber: 180_000, region: null, capacity: 10, maxBackends: 10 },
      }),
    );
    const appId = await insertApp(house.db, notes);
    const [first, second] = [
      await insertEnvironment(house.db, appId),
      await insertEnvironment(house.db, appId),
    ];
    await place(appId, first);
    await place(appId, second);
    const ports = await Promise.all([first, second].map(async (one) => new URL(await urlOf(one)).port));
    expect(ports[0]).toBe(String(given.port));
    expect(ports[1]).not.toBe(ports[0]);
    expect(await fleet.list()).toHaveLength(1);

    await remove(first);
    expect(await runAt(given.url, "select datname from pg_database where datname ~ '^tn'")).toEqual([]);
    const third = await insertEnvironment(house.db, appId);
    await place(appId, third);
    expect(new URL(await urlOf(third)).port).toBe(String(given.port));
    for (const environmentId of [second, third]) await remove(environmentId);
    await nothingOdd();
    await sql`delete from database_servers where id = ${serverId}`.execute(house.db);
  } finally {
    await given.stop();
  }
});

test("a server that dies between two steps is started again, and one that fails late leaves nothing behind", async () => {
  const appId = await insertApp(house.db, notes);
  const [environmentId, refused] = [
    await insertEnvironment(house.db, appId),
    await insertEnvironment(house.db, appId),
  ];
  let kills = 0;
  afterStart = async () => {
    const [name] = await fleet.list();
    kills += 1;
    if (kills === 1) process.kill((await fleet.pidOf(name!))!, "SIGKILL");
  };
  await place(appId, environmentId);
  expect(await runAt(await urlOf(environmentId), "select body from notes")).toHaveLength(1);

  afterStart = () => Promise.reject(failure("forbidden"));
  await expect(place(appId, refused)).rejects.toMatchObject({ code: "forbidden" });
  expect(await standing()).toEqual({ servers: 1, resources: 1, databases: 1, directories: 1 });
  await remove(environmentId);
  await nothingOdd();
});

test("what an operation left that ended without undoing it, the sweeper removes, process and files", async () => {
  const appId = await insertApp(house.db, notes);
  const environmentId = await insertEnvironment(house.db, appId);
  afterStart = () => Promise.reject(failure("forbidden"));
  const wanted = { environmentId, appId, level, schemaVersion: 1 };
  // As if the process died before it could say that anything stands.
  const abandoned = house.run((context) =>
    house.placements.placeDatabase({ ...context, resourcePresent: async () => undefined }, wanted),
  );
  await expect(abandoned).rejects.toMatchObject({ code: "forbidden" });
  expect(await standing()).toMatchObject({ directories: 1 });
  await sql`delete from placements where environment_id = ${environmentId}`.execute(house.db);
  expect(await house.sweeper.sweep()).toEqual({ removed: 1, failed: 0, watched: 0 });
  expect(await standing()).toEqual(nothing);
});

test("a spare server stands ready where one is in use, is taken whole, and goes when nobody needs it", async () => {
  const appId = await insertApp(house.db, notes);
  const [first, second] = [
    await insertEnvironment(house.db, appId),
    await insertEnvironment(house.db, appId),
  ];
  await place(appId, first);
  const keeper = house.keeper({ atRest: 0, pollMs: 20 });
  keeper.start();
  const spare = () =>
    sql`select 1 from databases where level = 'dedicated' and state = 'spare'`.execute(house.db);
  await waitUntil("a spare is ready", async () => (await spare()).rows.length > 0, 30_000);
  const placed = await place(appId, second);
  expect(placed.fromSpare).toBe(true);
  expect(await runAt(await urlOf(second), "select body from notes")).toHaveLength(1);
  const { rows } = await sql<{ kinds: string[] }>`
    select array_agg(kind order by kind) as kinds from resources where environment_id = ${second}
  `.execute(house.db);
  expect(rows).toEqual([{ kinds: ["database", "role", "server"] }]);
  for (const environmentId of [first, second]) await remove(environmentId);
  await waitUntil(
    "no server is left",
    async () => JSON.stringify(await standing()) === JSON.stringify(nothing),
    30_000,
  );
  await keeper.close();
  await nothingOdd();
});

test("after a restart of the node servers run again, and applications learn where; one that is lost is told and harms none", async () => {
  const appId = await insertApp(house.db, notes);
  const environmentId = await insertEnvironment(house.db, appId);
  await place(appId, environmentId);
  const { rows } = await sql<{ id: string; version: number }>`
    select s.id, e.version from database_servers s, environments e where s.dedicated and e.id = ${environmentId}
  `.execute(house.db);
  // Where it was before the restart: elsewhere.
  const elsewhere = house.secrets.seal("postgres://p:p@127.0.0.1:1/x", `database_server:${rows[0]!.id}`);
  await sql`update database_servers set url_secret = ${elsewhere} where id = ${rows[0]!.id}`.execute(
    house.db,
  );
  const lost = newId();
  await sql`
    insert into database_servers (id, name, kind, dedicated, url_secret) values (${lost}, 'lost', 'embedded', true, '')
  `.execute(house.db);
  await house.placements.startServers({ db: house.db, log: silentLog });
  expect(await runAt(await urlOf(environmentId), "select body from notes")).toHaveLength(1);
  const after = await sql<{ version: number; lost: string }>`
    select e.version, s.state as lost from environments e, database_servers s
    where e.id = ${environmentId} and s.id = ${lost}
  `.execute(house.db);
  expect(after.rows[0]!.version).toBeGreaterThan(rows[0]!.version);
  expect(after.rows[0]!.lost).toBe("unavailable");
  await sql`delete from database_servers where id = ${lost}`.execute(house.db);
  await remove(environmentId);
});
