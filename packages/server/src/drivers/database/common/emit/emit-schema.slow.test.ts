import pg from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { embeddedLikeServer, givenServer, type TestServer } from "../../../../testing/database-servers.ts";
import { proofNames, schemaText } from "../../../../testing/proofs/index.ts";
import { runAt, schemaOf } from "../../driver.testsuite.ts";
import { readCatalog } from "../catalog/read-catalog.ts";
import { readMigration } from "../migration-file.ts";
import { urlTo } from "../url.ts";
import { emitSchema } from "./emit-schema.ts";
import { comparable } from "./testing.ts";

const servers: TestServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

describe.each([
  ["PostgreSQL 18", embeddedLikeServer],
  ["PostgreSQL 15", () => givenServer(15)],
])("on %s, a schema emitted from a catalog", async (_title, open) => {
  const server = await open();
  servers.push(server);

  test.each(proofNames)("holds all that the migrations made: %s", async (name) => {
    const url = urlTo(server.superuserUrl, `emit_${name}`);
    await runAt(server.superuserUrl, `create database emit_${name}`);
    const [migration] = schemaOf("", await schemaText(name)).migrations;
    await runAt(url, ...readMigration(migration!).statements.map(({ text }) => text));
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      const catalog = await readCatalog(client);
      const emitted = emitSchema(catalog, { schemaName: "tns_1", extensionSchemas: ["public"] });
      expect(emitted.findings).toEqual([]);
      await client.query("begin; create schema tns_1");
      for (const statement of emitted.statements) {
        await client.query(statement).catch((error: unknown) => {
          throw new Error(`${statement}\n${(error as Error).message}`);
        });
      }
      await client.query("commit");
      const again = await readCatalog(client, { home: "tns_1", only: true });
      expect(comparable(again, "tns_1")).toEqual(comparable(catalog));
      expect(catalog.objects.length).toBeGreaterThan(10);
    } finally {
      await client.end();
    }
  });
});
