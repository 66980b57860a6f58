import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { urlTo } from "../../../drivers/database/common/url.ts";
import { notes, runAt } from "../../../drivers/database/driver.testsuite.ts";
import type { DatabaseDrivers, PostgresDriver } from "../../../drivers/database/index.ts";
import { inTransaction, sql } from "../../../infra/db/index.ts";
import { newId } from "../../../kernel/index.ts";
import {
  insertApp,
  insertEnvironment,
  insertMigrations,
  type TestPlacements,
  testPlacements,
} from "../../../testing/placements.ts";
import { carryRuns, insertScript, type ScriptInput } from "../index.ts";

let house: TestPlacements;
/** What happens when the first bytes of a copy are on their way. */
let during: () => Promise<void>;

beforeAll(async () => {
  house = await testPlacements({ wrap: intercepted });
});
beforeEach(() => {
  during = async () => undefined;
});
afterAll(() => house.close());

function intercepted(drivers: DatabaseDrivers): DatabaseDrivers {
  const database = drivers.database as PostgresDriver;
  const exportRows: PostgresDriver["exportRows"] = (context, from, sink) => {
    const begun = once(() => during());
    const write = async (bytes: Uint8Array) => {
      await begun();
      await sink.write(bytes);
    };
    return database.exportRows(context, from, { ...sink, write });
  };
  return { ...drivers, database: { ...database, exportRows } };
}

function once<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let result: Promise<Result> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}

type Level = "database" | "schema" | "shared";

async function place(appId: string, level: Level, schemaVersion = 1): Promise<string> {
  const environmentId = await insertEnvironment(house.db, appId);
  await sql`update environments set status = 'ready' where id = ${environmentId}`.execute(house.db);
  const wanted = { environmentId, appId, level, schemaVersion };
  await house.run((context) => house.placements.placeDatabase(context, wanted));
  return environmentId;
}

const copy = (from: string, to: string) =>
  house.run((context) => house.placements.copyRows(context, { from, to }));

/** Runs statements where an environment has its tables to itself; answers the last one's rows. */
async function run(environmentId: string, ...statements: string[]) {
  const places = await house.placements.runtimePlaces(house.db, [environmentId]);
  return runAt(places.get(environmentId)!.database!.url, ...statements);
}

const versionOf = async (environmentId: string) =>
  (await house.placements.sourceOfRows(house.db, environmentId)).schemaVersion;

const second = "alter table notes add column stars int not null default 3";

test("rows of an older schema version go to a place of that version, which then follows the release", async () => {
  const appId = await insertApp(house.db, notes);
  const source = await place(appId, "database");
  await run(source, "insert into notes (body) values ('old')");
  await insertMigrations(house.db, appId, 2, [second]);
  await sql`update apps set schema_version = 2 where id = ${appId}`.execute(house.db);
  const target = await place(appId, "schema");
  expect(await copy(source, target)).toMatchObject({ rows: 2, schemaVersion: 1 });
  const { id } = await house.placements.sourceOfRows(house.db, target);
  await house.run((context) => house.placements.migrateDatabase(context, id, 2));
  expect(await run(target, "select body, stars from notes order by id")).toEqual([
    { body: "from the migration", stars: 3 },
    { body: "old", stars: 3 },
  ]);
});

test("a place that is behind its rows is brought to their version; one that is ahead takes none, and says what to do", async () => {
  const appId = await insertApp(house.db, notes, second);
  const [ahead, behind] = [await place(appId, "database", 2), await place(appId, "database", 1)];
  await run(ahead, "insert into notes (body, stars) values ('new', 5)");
  const third = await place(appId, "schema", 1);
  await copy(ahead, third);
  expect(await versionOf(third)).toBe(2);
  expect(await run(third, "select stars from notes where body = 'new'")).toEqual([{ stars: 5 }]);
  await expect(copy(behind, ahead)).rejects.toMatchObject({
    code: "archive_mismatch",
    remedy: expect.stringContaining("tenantry migrate"),
  });
  const shared = await place(appId, "shared", 2);
  await expect(copy(behind, shared)).rejects.toMatchObject({ code: "archive_mismatch" });
});

test("a script that the rows have seen counts as run on the copy, one that came later doesn't", async () => {
  const appId = await insertApp(house.db, notes);
  const source = await place(appId, "database");
  const targets = [await place(appId, "schema"), await place(appId, "shared")];
  const script = async (text: string) => {
    const scriptId = await inTransaction(house.db, (tx) =>
      insertScript(tx, { id: newId(), appId, name: text, sql: text, checksum: text }),
    );
    const again = { again: false, dryRun: false, requestedBy: "test" };
    const input: ScriptInput = { appId, scriptId, environment: "production", ...again };
    // Where it should be run already nothing is to be seen of the copies: they aren't ready.
    const id = await house.start(house.placements.workflows.runScript, input);
    expect(await house.ended(id)).toBe("succeeded");
    const { rows } = await sql<{ id: string }>`
      select environment_id as id from script_runs where operation_id = ${id}`.execute(house.db);
    return rows.map((row) => row.id);
  };
  const hide = (status: string) =>
    sql`update environments set status = ${status} where id = any (${targets}::uuid[])`.execute(house.db);
  const early = "insert into notes (body) values ('early')";
  const late = "insert into notes (body) values ('late')";
  await hide("provisioning");
  expect(await script(early)).toEqual([source]);
  const snapshots = [];
  for (const target of targets) snapshots.push((await copy(source, target)).snapshot);
  expect(await script(late)).toEqual([source]);
  for (const [index, to] of targets.entries()) {
    const carried = { from: source, to, snapshot: snapshots[index]! };
    const carry = () => inTransaction(house.db, (tx) => carryRuns(tx, carried));
    expect(await carry()).toBe(1);
    expect(await carry()).toBe(0);
  }
  await hide("ready");
  expect(await script(early)).toEqual([]);
  expect(new Set(await script(late))).toEqual(new Set(targets));
});

test.each(["database", "schema"] as const)(
  "a place at the level %s that was changed by hand takes none: whoever reads at the source hears it at once",
  async (level) => {
    const appId = await insertApp(house.db, notes);
    const [source, target] = [await place(appId, "database"), await place(appId, level)];
    await run(source, "insert into notes (body) select repeat('x', 1000) from generate_series(1, 20000)");
    const { name } = await house.placements.sourceOfRows(house.db, target);
    const [database, namespace = "public"] = name.split(".");
    await runAt(urlTo(house.postgres.url, database!), `alter table ${namespace}.notes add column extra int`);
    await expect(copy(source, target)).rejects.toMatchObject({ code: "archive_mismatch" });
    const reading = await runAt(
      house.postgres.url,
      "select from pg_stat_activity where query ~* '^copy' and state <> 'idle' and pid <> pg_backend_pid()",
    );
    expect(reading).toEqual([]);
  },
);

test("a source whose database goes meanwhile fails the copy, and nothing of it stays", async () => {
  const appId = await insertApp(house.db, notes);
  const [source, target] = [await place(appId, "database"), await place(appId, "database")];
  await run(source, "insert into notes (body) select repeat('x', 1000) from generate_series(1, 20000)");
  const before = await run(target, "select * from notes");
  during = () =>
    house.run((context) =>
      house.placements.removePlacements(context, { environmentId: source, kind: "database" }),
    );
  await expect(copy(source, target)).rejects.toMatchObject({ code: "environment_unavailable" });
  expect(await run(target, "select * from notes")).toEqual(before);
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
});
