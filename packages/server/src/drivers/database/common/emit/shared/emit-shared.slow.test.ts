import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { embeddedLikeServer, givenServer, type TestServer } from "../../../../../testing/database-servers.ts";
import { playScript } from "../../../../../testing/play-script.ts";
import { schemaNames, schemaText, scripts, sharedSchemaText } from "../../../../../testing/schemas.ts";
import { runAt } from "../../../driver.testsuite.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import { readCatalog } from "../../catalog/read-catalog.ts";
import { urlTo } from "../../url.ts";
import { emitShared } from "./emit-shared.ts";

/** A setting instead of the seal, which has tests of its own. */
const seal = {
  contextExpression: "current_setting('test.environment')::uuid",
  policyExpression: "(select current_setting('test.environment')::uuid)",
};

const servers: TestServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // When a test fails, its connections end with the server.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

describe.each([
  ["PostgreSQL 18", embeddedLikeServer],
  ["PostgreSQL 15", () => givenServer(15)],
])("on %s, a schema for many environments", async (_title, open) => {
  const server = await open();
  servers.push(server);
  await runAt(server.superuserUrl, "create role app login password 'app'", "create role tables_owner");

  async function migrated(name: string, sql: string): Promise<string> {
    await runAt(server.superuserUrl, `create database ${name}`);
    const url = urlTo(server.superuserUrl, name);
    await runAt(
      url,
      sql,
      "do $$ declare s name; begin grant usage on schema public to app; end $$",
      "grant select, insert, update, delete on all tables in schema public to app",
      "grant all on all sequences in schema public to app",
    );
    return url;
  }

  async function catalogOf(url: string): Promise<Catalog> {
    const client = await connect(url);
    try {
      return await readCatalog(client);
    } finally {
      await client.end();
    }
  }

  const asApp = (url: string) => connect(url.replace(/\/\/[^@]*@/, "//app:app@"));

  test.each(schemaNames)("answers as a database of its own does: %s", async (name) => {
    const plainUrl = await migrated(`plain_${name}`, await sharedSchemaText(name));
    const emitted = emitShared(await catalogOf(plainUrl), seal);
    expect(emitted.findings.filter(({ severity }) => severity === "refused")).toEqual([]);
    const sharedUrl = await migrated(
      `shared_${name}`,
      emitted.extensions.map((extension) => `create extension ${extension.name}`).join(";"),
    );
    const maker = await connect(sharedUrl);
    for (const statement of [
      "create schema tenantry",
      ...emitted.counters,
      "grant usage on schema tenantry to app, tables_owner",
      "grant execute on function tenantry.next_number(text) to app, tables_owner",
      "grant create, usage on schema public to tables_owner",
      "begin",
      "set local role tables_owner",
      ...emitted.statements,
      "commit",
      "grant select, insert, update, delete on all tables in schema public to app",
    ]) {
      await maker.query(statement).catch((error: unknown) => {
        throw new Error(`${statement}\n${(error as Error).message}`);
      });
    }
    await maker.end();
    const plain = await asApp(plainUrl);
    const expected = await playScript(plain, scripts[name]);
    await plain.end();
    for (const environment of [randomUUID(), randomUUID()]) {
      const shared = await asApp(sharedUrl);
      await shared.query(`set test.environment = '${environment}'`);
      for (const statement of emitted.seeds) await shared.query(statement);
      // What the triggers made of the first rows is told as a finding.
      if (name === "rental") await shared.query("delete from events");
      if (name === "rental")
        await shared.query(`insert into events (kind, body) values ('INSERT', '{"booking": 1}')`);
      expect(await playScript(shared, scripts[name])).toEqual(expected);
      const added = 'insert into "Tag" (name) select number::text from generate_series(1, 50000) number';
      if (name === "quoted") {
        await shared.query(added);
        const { rows } = await shared.query(
          'select count(distinct id)::int as ids, max(id) < 60000 as near from "Tag"',
        );
        expect(rows).toEqual([{ ids: 50_002, near: true }]);
      }
      await shared.end();
    }
  });

  test("says what it can't hold", async () => {
    const url = await migrated(
      "refused",
      `${await schemaText("rental")};
       create view by_key as select c.id, c.name, count(*) from customers c group by c.id;
       create function next_invoice() returns bigint language sql as 'select nextval(''invoice_number'')';
       create function rooms_of(text) returns setof rooms begin atomic select * from rooms where building = $1; end;
       create aggregate total (int) (sfunc = int4pl, stype = int);
       create table parents (id int primary key);
       create table children (parent_id int references parents on update set null);`,
    );
    const refused = emitShared(await catalogOf(url), seal).findings.filter(
      ({ severity }) => severity === "refused",
    );
    expect(refused.map(({ object }) => object).sort()).toEqual([
      "aggregate total",
      'constraint children_parent_id_fkey of "children"',
      'function "next_invoice"()',
      'function "rooms_of"(text)',
      'materialized view "popular_rooms"',
      'view "by_key"',
    ]);
  });
});
