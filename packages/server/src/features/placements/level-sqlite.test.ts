import { lstat, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { portableNotes } from "../../drivers/database/harness.testsuite.ts";
import type { DatabaseDrivers, DriverContext } from "../../drivers/database/index.ts";
import { openSqliteDirectory } from "../../drivers/database/index.ts";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { failure, newId } from "../../kernel/index.ts";
import { testContext } from "../../testing/driver-context.ts";
import {
  insertApp,
  insertEnvironment,
  insertMigrations,
  type TestPlacements,
  testPlacements,
} from "../../testing/placements.ts";
import { runInFile } from "../../testing/sqlite-file.ts";
import type { DatabaseSeed } from "./databases/seed-database.ts";
import { carryRuns, currentPlacements, type FleetWork, insertScript, type ScriptInput } from "./index.ts";
import { requireEligible } from "./servers/choose-server.ts";
import { selectDirectories } from "./servers/servers.sql.ts";
import { showServers } from "./servers/show-servers.ts";

let outside: string;
let root: string;
let house: TestPlacements;
let encrypted = false;
/** What happens after the driver has built a file. */
let afterBuild: (context: DriverContext) => Promise<void> = async () => undefined;

beforeAll(async () => {
  outside = await mkdtemp(path.join(tmpdir(), "tenantry-level-sqlite-"));
  root = path.join(outside, "sqlite");
  const files = { directory: openSqliteDirectory(root), encrypted: () => encrypted };
  house = await testPlacements({ files, wrap: faulty });
});
afterAll(async () => {
  await house?.close();
  await rm(outside, { recursive: true, force: true });
});
beforeEach(() => {
  encrypted = false;
  afterBuild = async () => undefined;
});

function faulty(drivers: DatabaseDrivers): DatabaseDrivers {
  const driver = drivers.sqlite!;
  return {
    ...drivers,
    sqlite: {
      ...driver,
      async build(context, request) {
        const built = await driver.build(context, request);
        await afterBuild(context);
        return built;
      },
    },
  };
}

async function place(appId: string, schemaVersion = 1) {
  const environmentId = await insertEnvironment(house.db, appId);
  const wanted = { environmentId, appId, level: "sqlite" as const, schemaVersion };
  const placed = await house.run(
    (context) => house.placements.placeDatabase(context, wanted),
    (context) => house.placements.removePlacements(context, { environmentId, kind: "database" }),
  );
  return { environmentId, ...placed };
}

const remove = (environmentId: string) =>
  house.run((context) => house.placements.removePlacements(context, { environmentId, kind: "database" }));

async function databaseOf(environmentId: string) {
  const found = await house.placements.runtimePlaces(house.db, [environmentId]);
  return found.get(environmentId)!.database!;
}

/** As the environment's application opens it. */
async function rows(environmentId: string, ...statements: string[]): Promise<unknown[]> {
  const { url, encryptionKey } = await databaseOf(environmentId);
  return runInFile({ file: fileURLToPath(url), encryptionKey }, ...statements);
}

const nothingOdd = async () => expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);

test("a script that was run on a file before its rows were read counts as run on a copy, one that came later doesn't", async () => {
  const appId = await insertApp(house.db, portableNotes);
  const source = (await place(appId)).environmentId;
  const script = async (text: string, tenantOf: string) => {
    const id = newId();
    const scriptId = await inTransaction(house.db, (tx) =>
      insertScript(tx, { id, appId, name: text, sql: text, checksum: text }),
    );
    const { rows: found } = await sql<{ tenantId: string }>`
      select tenant_id as "tenantId" from environments where id = ${tenantOf}`.execute(house.db);
    const input: ScriptInput = {
      ...{ appId, scriptId, environment: "production", again: false, dryRun: false, requestedBy: "test" },
      tenantId: found[0]!.tenantId,
    };
    await sql`update environments set status = 'ready' where id = ${tenantOf}`.execute(house.db);
    expect(await house.ended(await house.start(house.placements.workflows.runScript, input))).toBe(
      "succeeded",
    );
  };
  const copies = async (from: string) => {
    const [file, server] = [(await place(appId)).environmentId, await insertEnvironment(house.db, appId)];
    const wanted = { environmentId: server, appId, level: "database" as const, schemaVersion: 1 };
    await house.run((context) => house.placements.placeDatabase(context, wanted));
    return Promise.all(
      [file, server].map(async (to) => ({
        to,
        ...(await house.run((context) => house.placements.copyRows(context, { from, to }))),
      })),
    );
  };
  const carry = (
    from: string,
    { to, snapshot, runs }: { to: string; snapshot: string | null; runs?: string[] },
  ) => inTransaction(house.db, (tx) => carryRuns(tx, { from, to, snapshot, ...(runs && { runs }) }));
  await script("insert into notes (body) values ('early')", source);
  const first = await copies(source);
  await script("insert into notes (body) values ('late')", source);
  for (const copy of first) {
    expect(await carry(source, copy)).toBe(1);
    expect(await carry(source, copy)).toBe(0);
  }
  // What a copy's rows have seen goes along with copies of it, too.
  const onFile = first[0]!.to;
  for (const copy of await copies(onFile)) expect(await carry(onFile, copy)).toBe(1);
  for (const copy of await copies(source)) expect(await carry(source, copy)).toBe(2);
});

test("each environment has a file, on a server of its kind that comes with the first one, and no trace is left", async () => {
  const appId = await insertApp(house.db, portableNotes);
  const [first, second] = [await place(appId), await place(appId)];
  await rows(first.environmentId, "insert into notes (body) values ('mine')");
  expect(await rows(second.environmentId, "select body from notes")).toHaveLength(1);
  const shown = await currentPlacements(house.db, [first.environmentId]);
  expect(shown.get(first.environmentId)?.database).toMatchObject({ level: "sqlite", server: "sqlite" });
  const servers = await showServers(house.db, house.secrets, await selectDirectories(house.db));
  expect(servers).toMatchObject([
    {
      kind: "directory",
      host: root,
      version: expect.stringMatching(/^3\.\d+$/),
      protection: "local",
      databases: expect.any(Number),
    },
  ]);
  await nothingOdd();
  const file = fileURLToPath((await databaseOf(first.environmentId)).url);
  for (let time = 0; time < 2; time += 1) await remove(first.environmentId);
  await expect(lstat(path.dirname(file))).rejects.toThrow("ENOENT");
  expect(await rows(second.environmentId, "select body from notes")).toHaveLength(1);
  const left = await sql`select from resources where environment_id = ${first.environmentId}`.execute(
    house.db,
  );
  expect(left.rows).toEqual([]);
  await nothingOdd();
});

test("an encrypted environment's key is kept before its file is made, and only as ciphertext", async () => {
  encrypted = true;
  const appId = await insertApp(house.db, portableNotes);
  let failures = 0;
  afterBuild = async () => {
    failures += 1;
    if (failures === 1) throw new Error("the connection broke");
  };
  const { environmentId, databaseId } = await place(appId);
  expect(failures).toBe(2);
  encrypted = false;
  const { url, encryptionKey } = await databaseOf(environmentId);
  expect(Buffer.from(encryptionKey!, "base64")).toHaveLength(32);
  expect(await readFile(fileURLToPath(url), "latin1")).not.toContain("from the migration");
  expect(await rows(environmentId, "select body from notes")).toEqual([{ body: "from the migration" }]);
  const kept = await sql<{ text: string }>`
    select d::text || coalesce(encode(d.role_secret, 'escape'), '') as text from databases d where d.id = ${databaseId}
  `.execute(house.db);
  expect(kept.rows[0]!.text).not.toContain(encryptionKey);
  await insertMigrations(house.db, appId, 2, ["alter table notes add column stars int not null default 2"]);
  await house.run((context) => house.placements.migrateDatabase(context, databaseId, 2));
  expect(await rows(environmentId, "select stars from notes")).toEqual([{ stars: 2 }]);
  expect(await house.placements.verifyDatabase(house.db, environmentId)).toEqual([]);
  await remove(environmentId);
  await nothingOdd();
});

test("a placement that fails is undone, and leaves no file, row or resource", async () => {
  const appId = await insertApp(house.db, portableNotes);
  afterBuild = () => Promise.reject(failure("forbidden"));
  await expect(place(appId)).rejects.toMatchObject({ code: "forbidden" });
  await nothingOdd();
  const { rows: left } =
    await sql`select from databases where app_id = ${appId} and state <> 'blueprint'`.execute(house.db);
  expect(left).toEqual([]);
});

test("later migrations reach the files by a fleet's run; one whose file is damaged stays behind alone", async () => {
  const appId = await insertApp(house.db, portableNotes);
  const [sound, damaged] = [await place(appId), await place(appId)];
  const file = fileURLToPath((await databaseOf(damaged.environmentId)).url);
  await rename(file, `${file}.aside`);
  await insertMigrations(house.db, appId, 2, ["alter table notes add column stars int not null default 2"]);
  const gaveUp: string[] = [];
  const work: FleetWork = {
    ...{ appId, schemaVersion: 2, retryBaseMs: 1 },
    onGivenUp: async (databaseId) => void gaveUp.push(databaseId),
  };
  await house.run((context) => house.placements.migrateFleet(context, work));
  expect(gaveUp).toEqual([damaged.databaseId]);
  expect(await rows(sound.environmentId, "select stars from notes")).toEqual([{ stars: 2 }]);
  await rename(`${file}.aside`, file);
  await house.run((context) => house.placements.migrateFleet(context, work));
  expect(await rows(damaged.environmentId, "select stars from notes")).toEqual([{ stars: 2 }]);
});

test("a release whose migrations SQLite can't follow is refused while files are there", async () => {
  const appId = await insertApp(house.db, portableNotes);
  const { environmentId } = await place(appId);
  await insertMigrations(house.db, appId, 2, [
    "create table more (id int);",
    "create materialized view counted as select count(*) as all from notes;",
  ]);
  const trial = house.run((context) => house.placements.tryMigrations(context, { appId, schemaVersion: 3 }));
  await expect(trial).rejects.toMatchObject({
    code: expect.stringMatching(/isolation_unavailable|migration_failed/),
  });
  expect(await rows(environmentId, "select body from notes")).toHaveLength(1);
  await nothingOdd();
});

test("what somebody changed in a file by hand is found as drift", async () => {
  const appId = await insertApp(house.db, portableNotes);
  const [, changed] = [await place(appId), await place(appId)];
  using byHand = new DatabaseSync(fileURLToPath((await databaseOf(changed.environmentId)).url));
  byHand.exec("create index by_hand on notes (mood)");
  const operation = await house.start(house.placements.workflows.drift, { appId });
  expect(await house.ended(operation)).toBe("succeeded");
  const found = await sql<{ id: string; differences: unknown }>`
    select c.database_id as id, c.differences from catalog_checks c join databases d on d.id = c.database_id
    where d.app_id = ${appId} and c.differences <> '[]'
  `.execute(house.db);
  expect(found.rows).toEqual([
    {
      id: changed.databaseId,
      differences: [{ object: "index by_hand", problem: "unexpected", detail: null }],
    },
  ]);
  await nothingOdd();
});

describe("a script", () => {
  async function runScript(appId: string, text: string, rest: Partial<ScriptInput> = {}) {
    await sql`update environments set status = 'ready'`.execute(house.db);
    const scriptId = await inTransaction(house.db, (tx) =>
      insertScript(tx, { id: newId(), appId, name: "fix.sql", sql: text, checksum: text }),
    );
    const input: ScriptInput = {
      ...{ appId, scriptId, environment: "production" },
      ...{ again: false, dryRun: false, requestedBy: "test", ...rest },
    };
    const id = await house.start(house.placements.workflows.runScript, input);
    const status = await house.ended(id);
    const { rows: runs } = await sql<{ rowsChanged: number | null; detail: string | null }>`
      select rows_changed::int as "rowsChanged", error->>'detail' as detail
      from script_runs where operation_id = ${id}`.execute(house.db);
    return { status, runs };
  }

  test("changes each file's own rows, once, and counts them; tried, it changes nothing", async () => {
    const appId = await insertApp(house.db, portableNotes);
    const { environmentId } = await place(appId);
    const text = "update notes set mood = 'tired'; insert into notes (body) values ('by script'), ('again');";
    const done = { status: "succeeded", runs: [{ rowsChanged: 3, detail: null }] };
    expect(await runScript(appId, text, { dryRun: true })).toEqual(done);
    expect(await rows(environmentId, "select body from notes")).toHaveLength(1);
    expect(await runScript(appId, text)).toEqual(done);
    expect(await runScript(appId, text)).toEqual({ status: "succeeded", runs: [] });
    expect(await rows(environmentId, "select mood from notes where mood = 'tired'")).toHaveLength(1);
    expect(await rows(environmentId, "select body from notes")).toHaveLength(3);
    await nothingOdd();
  });

  test("that fails, or would change the schema, leaves no trace and says where", async () => {
    const appId = await insertApp(house.db, portableNotes);
    const { environmentId } = await place(appId);
    for (const [text, told] of [
      ["delete from notes;\ninsert into notes (wrong) values (1)", "fix.sql, line 2: "],
      ["delete from notes;\ndrop table notes", "fix.sql, line 2, column 1: "],
      ["insert into notes (body) values ('twice'), ('twice')", "fix.sql: "],
      ["attach database '/tmp/x' as x", "fix.sql, line 1, column 1: "],
      ["delete from tenantry_migrations", "fix.sql, line 1: "],
    ] as const) {
      const { status, runs } = await runScript(appId, text);
      expect({ text, status, runs }).toMatchObject({
        status: "failed",
        runs: [{ rowsChanged: null, detail: expect.stringContaining(told) }],
      });
    }
    expect(await rows(environmentId, "select body from notes")).toEqual([{ body: "from the migration" }]);
  });

  test("that was committed before its worker was killed isn't run again", async () => {
    const appId = await insertApp(house.db, portableNotes);
    const { environmentId, databaseId } = await place(appId);
    const { rows: found } = await sql<{ name: string; serverId: string }>`
      select d.name, d.server_id as "serverId" from databases d where d.id = ${databaseId}`.execute(house.db);
    const { name, serverId } = found[0]!;
    const server = { id: serverId, url: pathToFileURL(root).href };
    const request = {
      ...{ server, database: { name, roleName: null }, runId: newId(), dryRun: false },
      script: { name: "fix.sql", sql: "insert into notes (body) values ('once')" },
    };
    const scripts = house.drivers.sqlite!.fileScripts!;
    expect(await scripts.outcome(request)).toBe(undefined);
    for (let time = 0; time < 2; time += 1)
      expect(await scripts.run(testContext(), request)).toEqual({ rowsChanged: 1 });
    expect(await scripts.outcome(request)).toEqual({ rowsChanged: 1 });
    expect(await rows(environmentId, "select body from notes")).toHaveLength(2);
  });
});

test("nobody logs in to a file: credentials are refused with what to do instead", async () => {
  const { environmentId } = await place(await insertApp(house.db, portableNotes));
  await expect(house.placements.environmentLogins(house.db, environmentId)).rejects.toMatchObject({
    code: "isolation_unavailable",
    details: { remedy: expect.stringContaining("script run") },
  });
  expect(await house.placements.repairLogin(house.db, environmentId)).toBe(false);
});

describe("files lie on one machine's disk:", () => {
  const addWorker = (host: string) =>
    sql`
    insert into nodes (id, role, host, process_id, version, schema_version)
    values (${newId()}, 'api,worker', ${host}, 1, '1', 1)
  `.execute(house.db);

  test("where workers run on several, the level is refused before anything is made", async () => {
    await addWorker("one");
    await requireEligible(house.db, { level: "sqlite" }, false);
    await addWorker("two");
    await expect(requireEligible(house.db, { level: "sqlite" }, false)).rejects.toMatchObject({
      code: "isolation_unavailable",
      message: expect.stringContaining("one, two"),
    });
    await requireEligible(house.db, { level: "database" }, false);
    await sql`delete from nodes`.execute(house.db);
  });

  test("a worker with another directory touches nothing of the first one's", async () => {
    const appId = await insertApp(house.db, portableNotes);
    const { environmentId } = await place(appId);
    await rename(root, `${root}-moved`);
    await expect(place(appId)).rejects.toMatchObject({ code: "isolation_unavailable" });
    await expect(house.placements.verifyDatabase(house.db, environmentId)).rejects.toMatchObject({
      code: "server_unreachable",
    });
    await rm(root, { recursive: true });
    await rename(`${root}-moved`, root);
    expect(await house.placements.verifyDatabase(house.db, environmentId)).toEqual([]);
  });

  test("a data directory that has moved is found again at the next start", async () => {
    const { environmentId } = await place(await insertApp(house.db, portableNotes));
    await sql`update database_servers set url_secret = ${house.secrets.seal("file:///nowhere", `database_server:${(await selectDirectories(house.db))[0]!.id}`)} where kind = 'directory'`.execute(
      house.db,
    );
    expect((await databaseOf(environmentId)).url).toContain("nowhere");
    await house.placements.startServers({ db: house.db, log: silentLog });
    expect(await rows(environmentId, "select body from notes")).toHaveLength(1);
  });
});

describe("starter data in a file", () => {
  const mixed = `create table things (id int generated by default as identity primary key, title text, ready boolean, picture bytea);`;

  function seedOf(environmentId: string, files: Record<string, string>): DatabaseSeed {
    return {
      environmentId,
      files: Object.entries(files).map(([name, text]) => ({
        name,
        async *read() {
          yield Buffer.from(text);
        },
      })),
      values: { "tenant.name": "O'Hara'); drop table things; --" },
      before: { transactionId: null, rowsChanged: null },
      onRead: async () => undefined,
      beforeCommit: async () => undefined,
    };
  }

  test("goes in as it is written, once, however often it is tried", async () => {
    const { environmentId } = await place(await insertApp(house.db, mixed));
    const seed = seedOf(environmentId, {
      "1.sql": "insert into things (title) values ('Welcome to ' || {{ tenant.name }});",
      "2.sql":
        "copy things (id, title, ready, picture) from stdin;\n7\ta\\tb\tt\t\\\\x00ff\n8\t\\N\tf\t\\N\n\\.\n",
    });
    const told = await house.run(async (context) => [
      await house.placements.seedDatabase(context, seed),
      await house.placements.seedDatabase(context, seed),
    ]);
    expect(told).toEqual([{ rowsChanged: 3 }, { rowsChanged: 3 }]);
    expect(await rows(environmentId, "select title, ready, picture from things order by id")).toEqual([
      { title: "Welcome to O'Hara'); drop table things; --", ready: null, picture: null },
      { title: "a\tb", ready: true, picture: Buffer.of(0, 255) },
      { title: null, ready: false, picture: null },
    ]);
    await house.run((context) => house.placements.endSeed(context, environmentId));
    await nothingOdd();
  });

  test("that has a mistake fails with file and line, and nothing stays", async () => {
    const { environmentId } = await place(await insertApp(house.db, mixed));
    const mistakes: [text: string, line: number][] = [
      ["insert into things (title) values ('a');\ninsert into nothing values (1);", 2],
      [
        "insert into things (id) values (4);\ninsert into things (id) values (4);\ninsert into things (id) values (6);",
        2,
      ],
      // Of rows, the bunch is told by its first.
      ["copy things (id, title) from stdin;\n1\ta\n1\tb\n\\.\n", 2],
      ["copy things (id, title) from stdin;\n1\ta\n2\n\\.\n", 3],
      ["\ndrop table things;", 2],
      ["\npragma writable_schema = on;", 2],
      ["\nattach 'other.db' as other;", 2],
    ];
    for (const [text, line] of mistakes) {
      const seed = seedOf(environmentId, {
        "good.sql": "insert into things values (5, 'x', true, null)",
        "bad.sql": text,
      });
      const failed = house.run((context) => house.placements.seedDatabase(context, seed));
      await expect(failed, text).rejects.toMatchObject({
        code: "starter_data_failed",
        detail: expect.stringContaining(`bad.sql, line ${line}:`),
      });
    }
    expect(await rows(environmentId, "select * from things")).toEqual([]);
  });
});
