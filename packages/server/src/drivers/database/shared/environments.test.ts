import { mintSealToken } from "@tenantry/data";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { embeddedLikeServer, givenServer, type TestServer } from "../../../testing/database-servers.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { openPlace } from "../../../testing/shared-harness.ts";
import { urlTo } from "../common/url.ts";
import { runAt, schemaOf } from "../driver.testsuite.ts";
import type { DatabaseServer, SharedPlace } from "../driver.ts";
import { createSharedDriver } from "./index.ts";

const files = [
  `create table authors (id serial primary key, name text not null unique);
   create table books (id bigint generated always as identity primary key,
     author_id int not null references authors on delete restrict, title text not null);
   create table trees (id int primary key, parent_id int references trees);
   create function titles_like(pattern text) returns setof text language plpgsql security definer as
     $$ begin return query execute 'select title from books where title like ''' || pattern || ''''; end $$;
   insert into authors (name) values ('first of all');`,
];

describe.each([
  ["a server where we are superuser", embeddedLikeServer],
  ["a given server, PostgreSQL 15", () => givenServer(15)],
] as const)("environments that share a database on %s", (_title, open) => {
  let postgres: TestServer;
  let server: DatabaseServer;
  let url: string;
  let superuserUrl: string;
  let place: (environmentId?: string) => SharedPlace;
  const driver = createSharedDriver({ installationId: newId() });
  const appId = newId();

  beforeAll(async () => {
    postgres = await open();
    server = { id: newId(), url: postgres.url };
    const schema = schemaOf(appId, ...files);
    const databaseId = newId();
    await driver.buildBlueprint(testContext(), { server, schema });
    const built = await driver.build(testContext(), { server, databaseId, schema });
    url = driver.connectionUrl(server, built);
    superuserUrl = urlTo(postgres.superuserUrl, built.name);
    place = (environmentId = newId()) => ({
      ...{ server, database: built, databaseId, appId, environmentId, sealKey: built.sealKey! },
    });
  });
  afterAll(() => postgres?.stop());

  async function admitted(): Promise<SharedPlace> {
    const one = place();
    // Twice: it is repeatable.
    for (let time = 0; time < 2; time += 1) await driver.sharing!.admit(testContext(), one);
    return one;
  }

  async function run(one: SharedPlace, ...statements: string[]): Promise<pg.QueryResultRow[]> {
    const { databaseId, environmentId, sealKey: key } = one;
    const { database, close } = openPlace(url, { databaseId, environmentId, key, pooled: false });
    try {
      let rows: pg.QueryResultRow[] = [];
      for (const statement of statements) ({ rows } = await database.query<pg.QueryResultRow>(statement));
      return rows;
    } finally {
      await close();
    }
  }

  test.each(["next_number(text)", "admit()"])("verify finds another body of tenantry.%s", async (name) => {
    const one = await admitted();
    expect(await driver.verify(server, one.database)).toEqual([]);
    const [standing] = await runAt<{ definition: string }>(
      superuserUrl,
      `select pg_get_functiondef('tenantry.${name}'::regprocedure) as definition`,
    );
    const changed = standing!.definition.replace(/ begin\s/, (begin) => `${begin} perform 1; `);
    expect(changed).not.toBe(standing!.definition);
    await runAt(superuserUrl, changed);
    expect(await driver.verify(server, one.database)).toEqual([
      `The function tenantry.${name.split("(")[0]} isn't the one that was installed.`,
    ]);
    await runAt(superuserUrl, standing!.definition);
    expect(await driver.verify(server, one.database)).toEqual([]);
  });

  test("one with many rows leaves in batches, while a neighbour reads and writes as before", async () => {
    const [large, neighbour] = [await admitted(), await admitted()];
    await run(large, "insert into authors (name) select 'author ' || n from generate_series(1, 12000) n");
    let [isOver, written] = [false, 0];
    const served = (async () => {
      do {
        written += 1;
        await run(neighbour, `insert into authors (name) values ('author ${written}')`);
      } while (!isOver);
    })();
    await driver.sharing!.dismiss(testContext(), large).finally(() => {
      isOver = true;
    });
    await served;
    const left = await run(neighbour, "select count(*)::int from authors where name like 'author %'");
    expect(left).toEqual([{ count: written }]);
    const of = (environmentId: string) =>
      runAt(
        superuserUrl,
        `select count(*)::int from authors where tenantry_environment = '${environmentId}'`,
      );
    expect(await of(large.environmentId)).toEqual([{ count: 0 }]);
    expect(await of(neighbour.environmentId)).toEqual([{ count: written + 1 }]);
  });

  test("begin alike, count by themselves, and don't meet each other's keys", async () => {
    const [first, second] = [await admitted(), await admitted()];
    for (const one of [first, second]) {
      expect(await run(one, "select * from authors")).toEqual([{ id: 1, name: "first of all" }]);
      expect(await run(one, "insert into authors (name) values ('Ada') returning *")).toEqual([
        { id: 2, name: "Ada" },
      ]);
      expect(
        await run(one, "insert into books (author_id, title) values (2, 'On engines') returning id"),
      ).toEqual([{ id: "1" }]);
    }
    expect(await driver.verify(server, first.database)).toEqual([]);
  });

  test("can't take each other's numbers, whatever they say who they are", async () => {
    const [first, second] = [await admitted(), await admitted()];
    const forged = `1${second.environmentId.replaceAll("-", "")}${"9".repeat(20)}${"0".repeat(64)}`;
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    const { processID: backend } = client as unknown as { processID: number };
    const expiresAt = Math.floor(Date.now() / 1_000) + 30;
    const { databaseId, environmentId, sealKey } = first;
    const claims = { databaseId, environmentId, expiresAt, backend };
    const [counter] = await runAt<{ name: string }>(
      superuserUrl,
      "select name from tenantry.counter where name like '%authors%'",
    );
    await client.query("begin");
    await client.query("select tenantry.enter($1)", [mintSealToken(Buffer.from(sealKey, "base64"), claims)]);
    await client.query(`set local tenantry.token = '${forged}'`);
    await client
      .query("select count(tenantry.next_number($1)) from generate_series(1, 50)", [counter!.name])
      .catch((error: pg.DatabaseError) => expect(error.code).toBe("TN002"));
    await client.query("commit");
    await client.end();
    expect(await run(second, "insert into authors (name) values ('Ada') returning id")).toEqual([{ id: 2 }]);
  });

  test("call a function with its owner's rights, who may read and write rows alone", async () => {
    const [first, second] = [await admitted(), await admitted()];
    for (const one of [first, second]) {
      await run(one, `insert into books (author_id, title) values (1, 'of ${one.environmentId}')`);
    }
    const injected = "select titles_like('x'' or true or ''x'' = ''') as title";
    expect(await run(first, injected)).toEqual([{ title: `of ${first.environmentId}` }]);
    const owner = await runAt(
      superuserUrl,
      "select proowner::regrole::text ~ '^tnw_' as writes, exists (select from pg_class where relowner = proowner) as owns from pg_proc where proname = 'titles_like'",
    );
    expect(owner).toEqual([{ writes: true, owns: false }]);
  });

  test("leave nothing behind, in several batches and whatever points to what", async () => {
    const [leaving, staying] = [await admitted(), await admitted()];
    for (const one of [leaving, staying]) {
      await run(
        one,
        "insert into books (author_id, title) select 1, 'book ' || n from generate_series(1, 7000) n",
        "insert into trees (id, parent_id) select n, nullif(n - 1, 0) from generate_series(1, 40) n",
      );
    }
    for (let time = 0; time < 2; time += 1) await driver.sharing!.dismiss(testContext(), leaving);
    const left = await runAt(
      superuserUrl,
      `select (select count(*) from books where tenantry_environment = e)::int as books,
         (select count(*) from authors where tenantry_environment = e)::int as authors,
         (select count(*) from trees where tenantry_environment = e)::int as trees,
         (select count(*) from tenantry.count where environment = e)::int as counts,
         (select count(*) from tenantry.admitted where environment = e)::int as notes
       from (values ('${leaving.environmentId}'::uuid)) v (e)`,
    );
    expect(left).toEqual([{ books: 0, authors: 0, trees: 0, counts: 0, notes: 0 }]);
    expect(await run(staying, "select count(*)::int as count from books")).toEqual([{ count: 7_000 }]);
  });

  test("aren't taken in by a schema that can't be sealed, and the answer says what is in the way", async () => {
    const schema = schemaOf(
      newId(),
      "create table a (id int); create materialized view copy as select * from a;",
    );
    await driver.buildBlueprint(testContext(), { server, schema });
    const context = testContext();
    const building = driver.build(context, { server, databaseId: newId(), schema });
    await expect(building).rejects.toMatchObject({
      code: "isolation_unavailable",
      message: expect.stringContaining('materialized view "copy"'),
    });
  });
});
