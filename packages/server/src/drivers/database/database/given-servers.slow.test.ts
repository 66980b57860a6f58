import pg from "pg";
import { expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { givenServer } from "../../../testing/database-servers.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { urlTo } from "../common/url.ts";
import { runAt, schemaOf } from "../driver.testsuite.ts";
import { postgresDriverSuite } from "../postgres.testsuite.ts";
import { createDatabaseDriver } from "./index.ts";

for (const version of [15, 18] as const) {
  postgresDriverSuite(
    `level database on PostgreSQL ${version} with CREATEDB and CREATEROLE alone`,
    async () => {
      const { url, stop } = await givenServer(version);
      const driver = createDatabaseDriver({ installationId: newId() });
      return { driver, server: { id: newId(), url }, close: stop };
    },
  );
}

// Before PostgreSQL 16 a member of a role can't be kept from using that role's rights in its own name.
test("on PostgreSQL 15, what a migration makes in the migrator's name falls to the app's owner", async () => {
  const { url, stop } = await givenServer(15);
  try {
    const driver = createDatabaseDriver({ installationId: newId() });
    const server = { id: newId(), url };
    const schema = schemaOf(newId(), "create table a (id int);", "set role none; create table b (id int);");
    const context = testContext();
    await driver.buildBlueprint(context, { server, schema });
    const built = await driver.build(context, { server, databaseId: newId(), schema });
    const owners = await runAt(
      driver.connectionUrl(server, built),
      "select distinct tableowner ~ '^tno_' as ours from pg_tables where schemaname = 'public'",
    );
    expect(owners).toEqual([{ ours: true }]);
    expect(context.resources().map(({ kind }) => kind)).toEqual(["database", "database", "role"]);
  } finally {
    await stop();
  }
});

test("a database isn't removed while somebody is in it whom Tenantry may not put out, and it says who", async () => {
  const { url, superuserUrl, stop } = await givenServer(15);
  try {
    const driver = createDatabaseDriver({ installationId: newId() });
    const server = { id: newId(), url };
    const schema = schemaOf(newId(), "create table a (id int);");
    await driver.buildBlueprint(testContext(), { server, schema });
    const { name } = await driver.build(testContext(), { server, databaseId: newId(), schema });
    const remove = () => driver.remove(testContext(), { server, thing: { kind: "database", name } });
    const visitor = new pg.Client({ connectionString: urlTo(superuserUrl, name) });
    await visitor.connect();
    const { rows } = await visitor.query<{ role: string }>("select current_user as role");
    await expect(remove()).rejects.toMatchObject({
      code: "busy",
      message: expect.stringContaining(`while "${rows[0]!.role}" is connected`),
    });
    await visitor.end();
    await remove();
    expect(await runAt(superuserUrl, `select from pg_database where datname = '${name}'`)).toEqual([]);
  } finally {
    await stop();
  }
});
