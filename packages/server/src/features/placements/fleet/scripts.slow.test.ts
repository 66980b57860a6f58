import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { urlTo } from "../../../drivers/database/common/url.ts";
import { runAt } from "../../../drivers/database/driver.testsuite.ts";
import type { DatabaseDrivers } from "../../../drivers/database/index.ts";
import { inTransaction, sql } from "../../../infra/db/index.ts";
import { cancelAtOnce } from "../../../infra/workflow/index.ts";
import { newId } from "../../../kernel/index.ts";
import {
  insertApp,
  insertEnvironment,
  type TestPlacements,
  testPlacements,
} from "../../../testing/placements.ts";
import { waitUntil } from "../../../testing/wait-until.ts";
import { insertScript, type ScriptInput } from "../index.ts";

let house: TestPlacements;
/** What becomes of the removal of a login; a test may let it fail. */
let removing: () => void = () => undefined;

beforeAll(async () => {
  house = await testPlacements({ wrap: intercepted });
});
beforeEach(() => {
  removing = () => undefined;
});
afterAll(() => house.close());

function intercepted(drivers: DatabaseDrivers): DatabaseDrivers {
  return Object.fromEntries(
    Object.entries(drivers).map(([level, driver]) => [
      level,
      {
        ...driver,
        remove: async (...given: Parameters<typeof driver.remove>) => {
          removing();
          await driver.remove(...given);
        },
      },
    ]),
  );
}

const forbidden = [
  "alter table notes add column a int",
  "drop table notes",
  "truncate notes",
  "set role postgres",
  "select * from tenantry_ledger.migrations",
  "commit",
  "do $$ begin commit; end $$",
  "\\c postgres",
];

type Level = "database" | "schema" | "shared";
type Place = { environmentId: string; databaseId: string; name: string };

const schema = `create table notes (id serial primary key, title text unique, stars int check (stars >= 0));
  create table sums (total int);
  insert into notes (title, stars) values ('first', 1);`;

async function newApp(count: number, level: Level) {
  const appId = await insertApp(house.db, schema);
  const places: Place[] = [];
  for (let number = 0; number < count; number += 1) {
    const environmentId = await insertEnvironment(house.db, appId);
    await sql`update environments set status = 'ready' where id = ${environmentId}`.execute(house.db);
    const wanted = { environmentId, appId, level, schemaVersion: 1 };
    const { databaseId } = await house.run((context) => house.placements.placeDatabase(context, wanted));
    const { rows } = await sql<{ name: string }>`
      select name from databases where id = ${databaseId}`.execute(house.db);
    places.push({ environmentId, databaseId, name: rows[0]!.name });
  }
  return { appId, places };
}

async function begin(appId: string, text: string, rest: Partial<ScriptInput> = {}): Promise<string> {
  const scriptId = await inTransaction(house.db, (tx) =>
    insertScript(tx, { id: newId(), appId, name: "fix.sql", sql: text, checksum: text }),
  );
  const input: ScriptInput = {
    ...{ appId, scriptId, environment: "production" },
    ...{ again: false, dryRun: false, requestedBy: "test", ...rest },
  };
  return house.start(house.placements.workflows.runScript, input);
}

async function run(appId: string, text: string, rest: Partial<ScriptInput> = {}) {
  const id = await begin(appId, text, rest);
  const status = await house.ended(id);
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
  return { id, status, runs: await runsOf(id) };
}

async function runsOf(id: string) {
  const { rows } = await sql<{ environmentId: string; status: string; rowsChanged: number; detail: string }>`
    select environment_id as "environmentId", status, rows_changed::int as "rowsChanged", error->>'detail' as detail
    from script_runs where operation_id = ${id} order by environment_id`.execute(house.db);
  return rows;
}

/** The titles of an environment's notes, as a superuser sees them. */
async function titles({ environmentId, name }: Place, level: Level): Promise<string[]> {
  const [database, namespace] = name.split(".");
  const only = level === "shared" ? `where tenantry_environment = '${environmentId}'` : "";
  const from = `${namespace ?? "public"}.notes ${only}`;
  const rows = await runAt<{ title: string }>(
    urlTo(house.postgres.url, database!),
    `select title from ${from} order by id`,
  );
  return rows.map(({ title }) => title);
}

describe.each(["database", "schema", "shared"] as const)("at the level %s", (level) => {
  test("a script changes each environment's own rows, once, and counts them", async () => {
    const { appId, places } = await newApp(3, level);
    const text = "update notes set title = title || '!'; insert into notes (title) values ('second');";
    const { status, runs } = await run(appId, text);
    expect(status).toBe("succeeded");
    expect(runs).toMatchObject(places.map(() => ({ status: "succeeded", rowsChanged: 2 })));
    for (const place of places) expect(await titles(place, level)).toEqual(["first!", "second"]);
    expect((await run(appId, text)).runs).toEqual([]);
    for (const place of places) expect(await titles(place, level)).toEqual(["first!", "second"]);
    const again = await run(appId, "update notes set title = title || '?' where id = 1", { again: true });
    expect(again.runs).toHaveLength(3);
  });

  test("one that fails on an environment stays without a trace there, and is done on the others", async () => {
    const { appId, places } = await newApp(3, level);
    const broken = places[1]!;
    const { rows } = await sql<{ id: string }>`
      update tenants t set groups = '{broken}' from environments e
      where e.tenant_id = t.id and e.id = ${broken.environmentId} returning t.id`.execute(house.db);
    await run(appId, "insert into notes (title) values ('taken')", { tenantId: rows[0]!.id });
    const text = "delete from notes where title = 'first';\ninsert into notes (title)\n  values ('taken');";
    const { status, runs } = await run(appId, text);
    expect(status).toBe("failed");
    expect(await titles(broken, level)).toEqual(["first", "taken"]);
    for (const place of [places[0]!, places[2]!]) expect(await titles(place, level)).toEqual(["taken"]);
    const failed = runs.filter((one) => one.status === "failed");
    expect(failed).toMatchObject([
      { environmentId: broken.environmentId, detail: expect.stringMatching(/^fix\.sql, line 2, column 1: /) },
    ]);
    await run(appId, "delete from notes where title = 'taken'", { group: "broken" });
    expect(await titles(places[0]!, level)).toEqual(["taken"]);
    const mended = await run(appId, text);
    expect(mended.status).toBe("succeeded");
    expect(mended.runs.map(({ environmentId }) => environmentId)).toEqual([broken.environmentId]);
  });

  test("tried, it says what it would change, and changes nothing", async () => {
    const { appId, places } = await newApp(1, level);
    const { status, runs } = await run(appId, "update notes set title = 'x'", { dryRun: true });
    expect({ status, runs }).toMatchObject({ status: "succeeded", runs: [{ rowsChanged: 1 }] });
    expect(await titles(places[0]!, level)).toEqual(["first"]);
    expect((await run(appId, "update notes set title = 'x'")).runs).toHaveLength(1);
    expect(await titles(places[0]!, level)).toEqual(["x"]);
  });

  test("it can't change tables, empty one for everybody, become somebody else or end its transaction", async () => {
    const { appId, places } = await newApp(1, level);
    for (const text of forbidden) {
      const { status, runs } = await run(appId, text);
      expect({ text, status, runs }).toMatchObject({ status: "failed", runs: [{ status: "failed" }] });
    }
    expect(await titles(places[0]!, level)).toEqual(["first"]);
  });

  test("it sees no row of a neighbour, whatever it says", async () => {
    const { appId, places } = await newApp(2, level);
    const [own, other] = places as [Place, Place];
    const { rows } = await sql<{ id: string }>`
      select tenant_id as id from environments where id = ${own.environmentId}`.execute(house.db);
    await run(appId, "insert into sums select count(*) from notes; delete from notes", {
      tenantId: rows[0]!.id,
    });
    expect(await titles(own, level)).toEqual([]);
    expect(await titles(other, level)).toEqual(["first"]);
  });
});

test("interrupted after its commit and before anybody knew, it isn't run again", async () => {
  const { appId, places } = await newApp(1, "database");
  let broken = 0;
  // Right after the commit: the login is to be removed, and the attempt ends there.
  removing = () => {
    broken += 1;
    if (broken === 1) throw new Error("cut off");
  };
  const { status, runs } = await run(appId, "update notes set title = title || '!'");
  expect({ status, runs }).toMatchObject({
    status: "succeeded",
    runs: [{ status: "succeeded", rowsChanged: 1 }],
  });
  expect(broken).toBeGreaterThan(1);
  expect(await titles(places[0]!, "database")).toEqual(["first!"]);
});

test("one that hangs is broken off by a cancel, and its login is gone", async () => {
  const { appId, places } = await newApp(1, "database");
  const id = await begin(appId, "select pg_sleep(60)");
  const url = urlTo(house.postgres.url, places[0]!.name);
  await waitUntil("it sleeps", async () => {
    const found = await runAt(url, "select from pg_stat_activity where query = 'select pg_sleep(60)'");
    return found.length > 0;
  });
  await cancelAtOnce(house.db, id);
  expect(await house.ended(id)).toBe("cancelled");
  expect(await runsOf(id)).toMatchObject([{ status: "failed", detail: "It was broken off." }]);
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
});
