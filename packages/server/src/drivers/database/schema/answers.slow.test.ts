import pg from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { embeddedLikeServer, givenServer, type TestServer } from "../../../testing/database-servers.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { playScript } from "../../../testing/play-script.ts";
import { schemaNames, schemaText, scripts } from "../../../testing/schemas.ts";
import { schemaOf } from "../driver.testsuite.ts";
import type { AppSchema, DatabaseDriver, DatabaseServer } from "../driver.ts";
import { createDatabaseDrivers } from "../index.ts";

const servers: TestServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

describe.each([
  ["PostgreSQL 18", embeddedLikeServer],
  ["PostgreSQL 15", () => givenServer(15)],
])(
  "on %s, the same application gets the same answers at the levels database and schema",
  async (_title, open) => {
    const postgres = await open();
    servers.push(postgres);
    const server: DatabaseServer = { id: newId(), url: postgres.url };
    const drivers = createDatabaseDrivers({ installationId: newId() });

    async function build(driver: DatabaseDriver, schema: AppSchema) {
      const context = testContext();
      await driver.buildBlueprint(context, { server, schema });
      await driver.prepare(context, { server, schema });
      const built = await driver.build(context, { server, databaseId: newId(), schema });
      return { context, built, url: driver.connectionUrl(server, built) };
    }

    async function answers(url: string, script: readonly string[]) {
      const client = new pg.Client({ connectionString: url });
      client.on("error", () => undefined);
      await client.connect();
      try {
        return await playScript(client, script);
      } finally {
        await client.end();
      }
    }

    test.each(schemaNames)("%s", async (name) => {
      const schema = schemaOf(newId(), await schemaText(name));
      const own = await build(drivers.database!, schema);
      const expected = await answers(own.url, scripts[name]);
      const emitted = await build(drivers.schema!, schema);
      expect(await answers(emitted.url, scripts[name])).toEqual(expected);
      expect(await drivers.schema!.verify(server, emitted.built)).toEqual([]);
    });

    test.each(schemaNames)("%s, when it comes with a later migration", async (name) => {
      const appId = newId();
      const own = await build(drivers.database!, schemaOf(newId(), await schemaText(name)));
      const later = await build(drivers.schema!, schemaOf(appId, "select 1"));
      const schema = schemaOf(appId, "select 1", await schemaText(name));
      const database = later.built;
      const { applied } = await drivers.schema!.migrate(later.context, { server, database, schema });
      expect(applied).toBe(1);
      const expected = await answers(own.url, scripts[name]);
      expect(await answers(later.url, scripts[name])).toEqual(expected);
      expect(await drivers.schema!.verify(server, database)).toEqual([]);
    });
  },
);
