import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { createCutter } from "../../../testing/cut.ts";
import { embeddedLikeServer, type TestServer } from "../../../testing/database-servers.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { openPlace } from "../../../testing/shared-harness.ts";
import { urlTo } from "../common/url.ts";
import { runAt, schemaOf } from "../driver.testsuite.ts";
import type { AppSchema, BuiltDatabase, DatabaseServer, SharedPlace } from "../driver.ts";
import { createSharedDriver } from "./index.ts";

const installationId = newId();
const cutter = createCutter();
const killable = createSharedDriver({ installationId, connect: cutter.connect });
const driver = createSharedDriver({ installationId });
let postgres: TestServer;
let server: DatabaseServer;

beforeAll(async () => {
  postgres = await embeddedLikeServer();
  server = { id: newId(), url: postgres.url };
});
afterAll(() => postgres.stop());

const first = `
  create table notes (id serial primary key, body text not null, hits int not null default 0);
  create table parts (note_id int not null references notes, name text);
  insert into notes (body) values ('first');
  insert into parts values (1, 'a'), (1, 'b');`;

async function build(schema: AppSchema) {
  const databaseId = newId();
  await driver.buildBlueprint(testContext(), { server, schema });
  const built = await driver.build(testContext(), { server, databaseId, schema });
  const place = (): SharedPlace => ({
    ...{ server, database: built, databaseId, appId: schema.appId },
    ...{ environmentId: newId(), sealKey: built.sealKey! },
  });
  return { built, place };
}

async function run(one: SharedPlace, ...statements: string[]): Promise<pg.QueryResultRow[]> {
  const { databaseId, environmentId, sealKey: key } = one;
  const url = driver.connectionUrl(server, one.database as BuiltDatabase);
  const { database, close } = openPlace(url, { databaseId, environmentId, key, pooled: false });
  try {
    let rows: pg.QueryResultRow[] = [];
    for (const statement of statements) ({ rows } = await database.query<pg.QueryResultRow>(statement));
    return rows;
  } finally {
    await close();
  }
}

/** Everything that a migration can do, each time for another table and column. */
const later = (number: number) => `
  alter table notes add column c${number} int not null default ${number};
  update notes set hits = hits + 1;
  create table t${number} (id serial primary key, note_id int references notes, word text);
  insert into t${number} (note_id, word) select id, body from notes order by id;
  alter table t${number} add column rank serial;
  create index on t${number} (word);`;

test("a process that is killed at any moment of a migration has changed nothing, or all; the next one does the rest once", async () => {
  const runs = 10;
  const appId = newId();
  const files = [first];
  const { built, place } = await build(schemaOf(appId, ...files));
  const places = [place(), place()];
  for (const one of places) await driver.sharing!.admit(testContext(), one);
  await run(places[0]!, "insert into notes (body) values ('own')");
  const standing = await driver.list(server);
  let whole = 0;
  for (let number = 1; number <= runs; number += 1) {
    files.push(later(number));
    const request = { server, database: built, schema: schemaOf(appId, ...files) };
    const context = testContext();
    const at =
      number === 1 ? Number.POSITIVE_INFINITY : Math.max(1, Math.round((whole * (number - 1)) / runs));
    const { killed, sent } = await cutter.run(at, () => killable.migrate(context, request));
    if (number === 1) whole = sent;
    expect(killed).toBe(number > 1);
    const after = await Promise.all(
      places.map((one) => run(one, "select min(hits) as least, max(hits) as most from notes")),
    );
    const done = after[0]![0]!.least as number;
    for (const rows of after) expect(rows, `cut ${at} of ${whole}`).toEqual([{ least: done, most: done }]);
    expect([number - 1, number]).toContain(done);
    const next = context.next();
    expect(await driver.migrate(next, request)).toMatchObject({ applied: number - done });
    expect(next.resources()).toEqual([]);
    expect(await driver.list(server)).toEqual(standing);
    expect(await run(places[0]!, `select id, note_id, word, rank from t${number} order by id`)).toEqual([
      { id: 1, note_id: 1, word: "first", rank: 1 },
      { id: 2, note_id: 2, word: "own", rank: 2 },
    ]);
  }
  expect(await driver.verify(server, built)).toEqual([]);
  const newcomer = place();
  await driver.sharing!.admit(testContext(), newcomer);
  expect(await run(newcomer, `select hits, c${runs} as last from notes`)).toEqual([
    { hits: runs, last: runs },
  ]);
});

/** The same step by step: rows are written in each environment by itself. */
const inSteps = (number: number) => `-- tenantry: no-transaction
  alter table notes add column c${number} serial;
  update notes set hits = hits + 1;
  create index concurrently notes_c${number} on notes (c${number});
  insert into notes (body, hits) select 'added', ${number} where not exists (select from notes where body = 'added');`;

test("a file without a transaction goes on where a killed process left it: nothing twice, nothing left out, nobody joins between", async () => {
  const runs = 8;
  const appId = newId();
  const files = [first];
  const { built, place } = await build(schemaOf(appId, ...files));
  const places = [place(), place(), place()];
  for (const one of places) await driver.sharing!.admit(testContext(), one);
  let whole = 0;
  let between = 0;
  for (let number = 1; number <= runs; number += 1) {
    files.push(inSteps(number));
    const request = { server, database: built, schema: schemaOf(appId, ...files) };
    const context = testContext();
    const at = number === 1 ? Number.POSITIVE_INFINITY : Math.round(whole * (0.6 + (0.35 * number) / runs));
    const { sent } = await cutter.run(at, () => killable.migrate(context, request));
    if (number === 1) whole = sent;
    const [unfinished] = await runAt(
      urlTo(postgres.superuserUrl, built.name),
      "select from tenantry_ledger.migrations where finished_at is null",
    );
    if (unfinished) {
      between += 1;
      const joining = driver.sharing!.admit(testContext(), place());
      await expect(joining).rejects.toMatchObject({ code: "unavailable" });
    }
    await driver.migrate(context.next(), request);
    for (const one of places) {
      const read = `select body, hits, c${number} as counted from notes order by id`;
      expect(await run(one, read), `cut ${at} of ${whole}`).toEqual([
        { body: "first", hits: number, counted: 1 },
        // It is there from the first file on.
        { body: "added", hits: number, counted: 2 },
      ]);
    }
    expect(await driver.verify(server, built)).toEqual([]);
  }
  expect(between).toBeGreaterThan(0);
  const newcomer = place();
  await driver.sharing!.admit(testContext(), newcomer);
  expect(await run(newcomer, "select body, hits from notes order by id")).toEqual([
    { body: "first", hits: runs },
    { body: "added", hits: runs },
  ]);
  const [left] = await runAt(
    urlTo(postgres.superuserUrl, built.name),
    "select (select count(*)::int from tenantry_ledger.steps) as steps, (select count(*)::int from pg_index where not indisvalid) as invalid",
  );
  expect(left).toEqual({ steps: 0, invalid: 0 });
});

test("a process that is killed while an environment joins or leaves: the next one ends it as if nothing had been", async () => {
  const schema = schemaOf(newId(), first);
  const { built, place } = await build(schema);
  const superuserUrl = urlTo(postgres.superuserUrl, built.name);
  const traces = (environmentId: string) =>
    runAt(
      superuserUrl,
      `select (select count(*)::int from notes where tenantry_environment = e) as notes,
         (select count(*)::int from parts where tenantry_environment = e) as parts,
         (select count(*)::int from tenantry.count where environment = e) as counts,
         (select count(*)::int from tenantry.admitted where environment = e) as admitted
       from (values ('${environmentId}'::uuid)) v (e)`,
    );
  const whole = [{ notes: 1, parts: 2, counts: 0, admitted: 1 }];
  const nothing = [{ notes: 0, parts: 0, counts: 0, admitted: 0 }];
  for (const [what, end] of [
    ["admit", whole],
    ["dismiss", nothing],
  ] as const) {
    for (let at = 1, killed = true; killed; at += what === "admit" ? 1 : 2) {
      expect(at).toBeLessThan(100);
      const one = place();
      if (what === "dismiss") {
        await driver.sharing!.admit(testContext(), one);
        await run(one, "insert into notes (body) values ('own')");
      }
      const context = testContext();
      ({ killed } = await cutter.run(at, () => killable.sharing![what](context, one)));
      if (what === "admit") expect([nothing, whole]).toContainEqual(await traces(one.environmentId));
      await driver.sharing![what](context.next(), one);
      expect(await traces(one.environmentId), `${what}, killed at ${at}`).toEqual(end);
    }
  }
  expect(await driver.verify(server, built)).toEqual([]);
});

test("a zombie in the middle of a migration changes nothing after another has taken over", async () => {
  const appId = newId();
  const { built, place } = await build(schemaOf(appId, first));
  const one = place();
  await driver.sharing!.admit(testContext(), one);
  const request = { server, database: built, schema: schemaOf(appId, first, later(1)) };
  const { promise: reached, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const zombie = testContext({
    async before(call) {
      const busy = `select from pg_stat_activity where datname = '${built.name}' and usename ~ '^tnm_'
        and state = 'idle in transaction' and xact_start is not null`;
      if (call !== "assertLease" || (await runAt(postgres.superuserUrl, busy)).length === 0) return;
      arrive();
      await held;
    },
  });
  const late = driver.migrate(zombie, request).catch((error: unknown) => error);
  await reached;
  expect(await driver.migrate(zombie.next(), request)).toMatchObject({ applied: 1 });
  letGo();
  expect(await late).toBeInstanceOf(Error);
  expect(await run(one, "select hits from notes")).toEqual([{ hits: 1 }]);
  expect(await driver.verify(server, built)).toEqual([]);
});

test("two operators at once: one migrates, the other finds it done", async () => {
  const appId = newId();
  const { built, place } = await build(schemaOf(appId, first));
  const one = place();
  await driver.sharing!.admit(testContext(), one);
  const request = { server, database: built, schema: schemaOf(appId, first, later(1)) };
  const both = await Promise.all([1, 2].map(() => driver.migrate(testContext(), request)));
  expect(both.map(({ applied }) => applied).sort()).toEqual([0, 1]);
  expect(await run(one, "select hits from notes")).toEqual([{ hits: 1 }]);
});
