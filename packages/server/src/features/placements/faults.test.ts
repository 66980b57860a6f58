import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { notes, runAt } from "../../drivers/database/driver.testsuite.ts";
import type { DatabaseDrivers, DriverContext } from "../../drivers/database/index.ts";
import { createFsStorageDriver, type StorageDriver } from "../../drivers/storage/index.ts";
import { sql } from "../../infra/db/index.ts";
import type { StepContext } from "../../infra/workflow/index.ts";
import { encodeUuid, failure, newId } from "../../kernel/index.ts";
import {
  insertApp,
  insertEnvironment,
  type TestPlacements,
  testPlacements,
} from "../../testing/placements.ts";

let house: TestPlacements;
let root: string;
let storage: StorageDriver;
/** What happens after the driver has built a database. */
let afterBuild: (context: DriverContext, databaseId: string) => Promise<void> = async () => {};

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "tenantry-swept-"));
  storage = createFsStorageDriver({ root });
  house = await testPlacements({ storage, wrap: (drivers) => ({ database: faulty(drivers) }) });
});
afterAll(async () => {
  await house.close();
  await rm(root, { recursive: true });
});
beforeEach(() => {
  afterBuild = async () => {};
});

function faulty(drivers: DatabaseDrivers) {
  const driver = drivers.database!;
  return {
    ...driver,
    async build(context: DriverContext, request: Parameters<typeof driver.build>[1]) {
      const built = await driver.build(context, request);
      await afterBuild(context, request.databaseId);
      return built;
    },
  };
}

const refused = () => Promise.reject(failure("forbidden"));

async function counts(appId: string) {
  const { rows } = await sql<{ databases: number; placements: number; resources: number }>`
    select (select count(*) from databases where app_id = ${appId} and state <> 'blueprint') as databases,
      (select count(*) from placements p join environments e on e.id = p.environment_id
        join tenants t on t.id = e.tenant_id where t.app_id = ${appId}) as placements,
      (select count(*) from resources r where not exists (
        select from databases d where d.name = r.physical_name or d.role_name = r.physical_name)) as resources
  `.execute(house.db);
  return rows[0];
}

function buildSpare(appId: string, id = newId()): Promise<string> {
  const input = { id, serverId: house.serverId, appId, level: "database", schemaVersion: 1 };
  return house.start(house.placements.workflows.buildSpare, input);
}

const nothing = { databases: 0, placements: 0, resources: 0 };

test("a spare whose building fails late is taken back whole", async () => {
  const appId = await insertApp(house.db, notes);
  afterBuild = refused;
  expect(await house.ended(await buildSpare(appId))).toBe("failed");
  expect(await counts(appId)).toEqual(nothing);
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
});

test("a spare that fails once and then works has the password that the registry knows", async () => {
  const appId = await insertApp(house.db, notes);
  let failures = 0;
  afterBuild = async () => {
    failures += 1;
    if (failures === 1) throw new Error("the connection broke");
  };
  expect(await house.ended(await buildSpare(appId))).toBe("succeeded");
  const environmentId = await insertEnvironment(house.db, appId);
  const wanted = { environmentId, appId, level: "database" as const, schemaVersion: 1 };
  const placed = await house.run((context) => house.placements.placeDatabase(context, wanted));
  expect(placed.fromSpare).toBe(true);
  const found = await house.placements.runtimePlaces(house.db, [environmentId]);
  expect(await runAt(found.get(environmentId)!.database!.url, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("a placement on the spot that fails is undone, and leaves the environment without a database", async () => {
  const appId = await insertApp(house.db, notes);
  const environmentId = await insertEnvironment(house.db, appId);
  afterBuild = refused;
  const wanted = { environmentId, appId, level: "database" as const, schemaVersion: 1 };
  const placing = house.run(
    (context) => house.placements.placeDatabase(context, wanted),
    (context) => house.placements.removePlacements(context, { environmentId, kind: "database" }),
  );
  await expect(placing).rejects.toMatchObject({ code: "forbidden" });
  expect(await counts(appId)).toEqual(nothing);
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
});

test("what an operation left when it ended without undoing it, the sweeper removes, rows and all", async () => {
  const appId = await insertApp(house.db, notes);
  const environmentId = await insertEnvironment(house.db, appId);
  await house.run((context) => house.placements.tryMigrations(context, { appId, schemaVersion: 1 }));
  afterBuild = refused;
  const wanted = { environmentId, appId, level: "database" as const, schemaVersion: 1 };
  const abandoned = house.run((context) => house.placements.placeDatabase(unfinishing(context), wanted));
  await expect(abandoned).rejects.toMatchObject({ code: "forbidden" });
  const server = { id: house.serverId, url: house.postgres.url };
  const standing = (await house.drivers.database!.list(server)).length;
  // The role goes with its database.
  expect(await house.sweeper.sweep()).toEqual({ removed: 1, failed: 0, watched: 0 });
  expect(await house.drivers.database!.list(server)).toHaveLength(standing - 2);
  await sql`delete from placements where environment_id = ${environmentId}`.execute(house.db);
  expect((await counts(appId))?.resources).toBe(0);
  const missing = await house.placements.scanForLeftovers(house.db);
  expect(missing).toEqual([]);
});

/** As if the process died before it could say that anything stands. */
function unfinishing(context: StepContext): StepContext {
  return { ...context, resourcePresent: async () => {} };
}

test("a spare that found its tenant is neither built again nor removed by what was meant for spares", async () => {
  const appId = await insertApp(house.db, notes);
  afterBuild = async () => {};
  const id = newId();
  expect(await house.ended(await buildSpare(appId, id))).toBe("succeeded");
  const environmentId = await insertEnvironment(house.db, appId);
  const wanted = { environmentId, appId, level: "database" as const, schemaVersion: 1 };
  const placed = await house.run((context) => house.placements.placeDatabase(context, wanted));
  expect(placed).toMatchObject({ fromSpare: true, databaseId: id });
  expect(await house.ended(await buildSpare(appId, id))).toBe("succeeded");
  const removal = await house.start(house.placements.workflows.removeUnused, { databaseId: id });
  expect(await house.ended(removal)).toBe("succeeded");
  const found = await house.placements.runtimePlaces(house.db, [environmentId]);
  expect(await runAt(found.get(environmentId)!.database!.url, "select body from notes")).toHaveLength(1);
});

test("placing that was interrupted tells the schema that stands, also when the app was released meanwhile", async () => {
  const appId = await insertApp(house.db, "create table one ()", "create table two ()");
  const environmentId = await insertEnvironment(house.db, appId);
  const place = (schemaVersion: number) =>
    house.run((context) =>
      house.placements.placeDatabase(context, { environmentId, appId, level: "database", schemaVersion }),
    );
  expect(await place(1)).toMatchObject({ schemaVersion: 1 });
  expect(await place(2)).toMatchObject({ schemaVersion: 1 });
});

test("a role and a directory that their operations never finished are removed by the sweeper as well", async () => {
  const appId = await insertApp(house.db, notes);
  const environmentId = await insertEnvironment(house.db, appId);
  const name = storage.nameFor(environmentId, "prefix");
  const role = `tnr_${encodeUuid(newId())}`;
  const abandoned = house.run(async (context) => {
    await storage.provision(unfinishing(context), name, environmentId);
    await writeFile(path.join(root, name, "page.html"), "half a page");
    const serverId = house.serverId;
    await context.declareResource({ kind: "role", driver: "database", serverId, physicalName: role });
    await sql`create role ${sql.id(role)} login`.execute(house.db);
    throw failure("forbidden");
  });
  await expect(abandoned).rejects.toMatchObject({ code: "forbidden" });
  expect(await house.sweeper.sweep()).toEqual({ removed: 2, failed: 0, watched: 0 });
  expect(await readdir(root)).toEqual([]);
  const { rows } = await sql`select from pg_roles where rolname = ${role}`.execute(house.db);
  expect(rows).toEqual([]);
  expect((await counts(appId))?.resources).toBe(0);
});
