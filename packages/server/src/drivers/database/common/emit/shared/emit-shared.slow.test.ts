import pg from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { embeddedLikeServer, givenServer, type TestServer } from "../../../../../testing/database-servers.ts";
import { schemaText } from "../../../../../testing/proofs/index.ts";
import { runAt } from "../../../driver.testsuite.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import { readCatalog } from "../../catalog/read-catalog.ts";
import { urlTo } from "../../url.ts";
import { emitShared } from "./emit-shared.ts";

/** A setting instead of the seal, which has tests of its own. */
const seal = {
  contextExpression: "current_setting('test.environment')::uuid",
  policyExpression: "(select current_setting('test.environment')::uuid)",
  rowCondition: "tenantry_environment = (select current_setting('test.environment')::uuid)",
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

  test("says what it can't hold", async () => {
    const url = await migrated(
      "refused",
      `${await schemaText("rental")};
       create view by_key as select c.id, c.name from customers c group by grouping sets ((c.id), (c.id, c.slug));
       create function last_invoice() returns bigint language sql as 'select currval(''invoice_number'')';
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
      'function "last_invoice"()',
      'function "rooms_of"(text)',
      'materialized view "popular_rooms"',
      'view "by_key"',
    ]);
  });
});
