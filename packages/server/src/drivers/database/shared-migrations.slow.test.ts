import type { QueryResultRow } from "pg";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { embeddedLikeServer, givenServer, type TestServer } from "../../testing/database-servers.ts";
import { testContext } from "../../testing/driver-context.ts";
import { first, later, ownRows, script } from "../../testing/migrations/typical.ts";
import { openPlace } from "../../testing/shared-harness.ts";
import type { Catalog, TableObject } from "./common/catalog/catalog.ts";
import { readCatalog } from "./common/catalog/read-catalog.ts";
import { comparable } from "./common/emit/testing.ts";
import { urlTo } from "./common/url.ts";
import { createDatabaseDriver } from "./database/index.ts";
import { runAt, schemaOf } from "./driver.testsuite.ts";
import type { AppSchema, BuiltDatabase, DatabaseServer, SharedPlace } from "./driver.ts";
import { createSharedDriver } from "./shared/index.ts";

describe.each([
  ["PostgreSQL 18 as a superuser", embeddedLikeServer],
  ["PostgreSQL 15 with CREATEDB and CREATEROLE alone", () => givenServer(15)],
] as const)("migrations of a shared database on %s", (_title, open) => {
  const installationId = newId();
  const shared = createSharedDriver({ installationId });
  const alone = createDatabaseDriver({ installationId });
  const appId = newId();
  const before = schemaOf(appId, first);
  const after = schemaOf(appId, first, ...Object.values(later));
  let postgres: TestServer;
  let server: DatabaseServer;

  beforeAll(async () => {
    postgres = await open();
    server = { id: newId(), url: postgres.url };
  });
  afterAll(() => postgres?.stop());

  async function buildShared(schema: AppSchema) {
    const databaseId = newId();
    await shared.buildBlueprint(testContext(), { server, schema });
    const built = await shared.build(testContext(), { server, databaseId, schema });
    const admit = async (): Promise<SharedPlace> => {
      const environmentId = newId();
      const place = { server, database: built, databaseId, appId, environmentId, sealKey: built.sealKey! };
      await shared.sharing!.admit(testContext(), place);
      return place;
    };
    return { built, admit, superuserUrl: urlTo(postgres.superuserUrl, built.name) };
  }

  async function buildAlone(schema: AppSchema): Promise<BuiltDatabase> {
    await alone.buildBlueprint(testContext(), { server, schema });
    return alone.build(testContext(), { server, databaseId: newId(), schema });
  }

  /** What statements answer, or the codes of their errors. */
  async function play(
    run: (statement: string) => Promise<{ rows: QueryResultRow[]; rowCount: number | null }>,
    statements: readonly string[],
  ) {
    const answers: unknown[] = [];
    for (const statement of statements) {
      const answer = await run(statement).then(
        ({ rows, rowCount }) => ({ rows, rowCount }),
        (error: pg.DatabaseError) => ({ code: error.code }),
      );
      answers.push({ statement, answer });
    }
    return answers;
  }

  async function playShared(place: SharedPlace, statements: readonly string[]) {
    const { databaseId, environmentId, sealKey: key, database: built } = place;
    const url = shared.connectionUrl(server, built as BuiltDatabase);
    const { database, close } = openPlace(url, { databaseId, environmentId, key, pooled: false });
    const answers = await play((statement) => database.query<QueryResultRow>(statement), statements);
    await close();
    return answers;
  }

  async function playAlone(built: BuiltDatabase, statements: readonly string[]) {
    const client = new pg.Client({ connectionString: alone.connectionUrl(server, built) });
    await client.connect();
    const answers = await play((statement) => client.query(statement), statements);
    await client.end();
    return answers;
  }

  async function catalogAt(url: string): Promise<Catalog> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const catalog = await readCatalog(client);
    await client.end();
    return catalog;
  }

  /** Everything that there is in a database's tables, in an order of its own. */
  function readings(catalog: Catalog): string[] {
    const tables = catalog.objects.filter((object): object is TableObject => object.kind === "table");
    return tables
      .filter(({ schema, partitionOf }) => schema !== "tenantry" && !partitionOf)
      .map(({ schema, name, columns }) => {
        const listed = columns
          .filter((column) => column.name !== "tenantry_environment")
          .map((column) => pg.escapeIdentifier(column.name))
          .sort();
        const table = `${schema ? `${schema}.` : ""}${name}`;
        return `select ${listed.join(", ")} from ${table} order by ${listed.map((_each, index) => index + 1).join(", ")}`;
      });
  }

  /** A shared database's form: the hidden column may stand elsewhere among a table's. */
  async function formOf(url: string) {
    const catalog = await catalogAt(url);
    const objects = catalog.objects
      .filter((object) => object.kind !== "schema" || object.name !== "tenantry")
      .filter((object) => !("schema" in object && object.schema === "tenantry"))
      .filter((object) => !("table" in object && object.table.schema === "tenantry"))
      .map((object) => {
        if (object.kind !== "table") return object;
        const hidden = object.columns.filter(({ name }) => name === "tenantry_environment");
        return {
          ...object,
          columns: [...object.columns.filter((column) => !hidden.includes(column)), ...hidden],
        };
      });
    const { objects: found, unsupported } = comparable({ ...catalog, objects, rows: [] });
    const [counters, owners] = [
      await runAt(url, "select * from tenantry.counter order by name"),
      await runAt(
        url,
        `select p.oid::regprocedure::text as name, left(p.proowner::regrole::text, 4) as owner, p.proacl::text as acl
         from pg_proc p where pronamespace = 'public'::regnamespace
           and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e') order by 1`,
      ),
    ];
    return { found, unsupported, counters, owners };
  }

  test("come to the same as files in a database of one's own, in form and in rows, for each environment", async () => {
    const { built, admit, superuserUrl } = await buildShared(before);
    const places = [await admit(), await admit()];
    const own = [await buildAlone(before), await buildAlone(before)];
    for (const [index, rows] of ownRows.entries()) {
      expect(await playShared(places[index]!, rows)).toEqual(await playAlone(own[index]!, rows));
    }
    const request = { server, database: built, schema: after };
    const context = testContext();
    expect(await shared.migrate(context, request)).toEqual({
      applied: after.migrations.length - 1,
      schemaVersion: after.migrations.length,
    });
    expect(await shared.migrate(context, request)).toMatchObject({ applied: 0 });
    expect(context.resources()).toEqual([]);
    expect(await shared.verify(server, built)).toEqual([]);
    for (const database of own) await alone.migrate(testContext(), { server, database, schema: after });

    const direct = await buildShared(after);
    expect(await formOf(superuserUrl)).toEqual(await formOf(direct.superuserUrl));

    places.push(await admit());
    own.push(await buildAlone(after));
    const reading = readings(await catalogAt(urlTo(postgres.superuserUrl, own[0]!.name)));
    expect(reading.length).toBeGreaterThan(8);
    for (const [index, place] of places.entries()) {
      const statements = [...reading, ...script, ...reading];
      expect(await playShared(place, statements), `environment ${index + 1}`).toEqual(
        await playAlone(own[index]!, statements),
      );
    }
  });
});
