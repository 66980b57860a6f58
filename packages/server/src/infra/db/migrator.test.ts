import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type TestPostgres, testPostgres } from "../../testing/postgres.ts";
import { type Migration, migrate, registryMigrations } from "./migrator.ts";

let server: TestPostgres;
let url: string;

beforeAll(async () => {
  server = await testPostgres();
});
afterAll(async () => server.stop());
beforeEach(async () => {
  url = await server.createDatabase();
});

const first: Migration = { version: 1, name: "0001_a.sql", sql: "create table a (id int)", checksum: "1" };
const second: Migration = { version: 2, name: "0002_b.sql", sql: "create table b (id int)", checksum: "2" };

async function tables(): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'tenantry' order by 1",
  );
  await client.end();
  return rows.map((row) => row.name);
}

describe("migrating the registry", () => {
  it("that ten nodes begin at once happens once", async () => {
    const migrations = await registryMigrations();
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => migrate(url, migrations)));
    expect(outcomes.reduce((sum, { applied }) => sum + applied, 0)).toBe(migrations.length);
    expect(new Set(outcomes.map(({ version }) => version))).toEqual(new Set([migrations.length]));
  });

  it("applies what is new, and nothing twice", async () => {
    expect(await migrate(url, [first])).toEqual({ version: 1, applied: 1 });
    expect(await migrate(url, [first, second])).toEqual({ version: 2, applied: 1 });
    expect(await migrate(url, [first, second])).toEqual({ version: 2, applied: 0 });
    expect(await tables()).toEqual(["a", "b", "schema_migrations"]);
  });

  it("leaves nothing of a migration that fails, and names it", async () => {
    const broken = { ...second, sql: "create table b (id int); select 1 / 0" };
    await expect(migrate(url, [first, broken])).rejects.toThrow("0002_b.sql failed: division by zero");
    expect(await tables()).toEqual(["a", "schema_migrations"]);
    expect(await migrate(url, [first, second])).toEqual({ version: 2, applied: 1 });
  });

  it("refuses a migration that was applied in another form", async () => {
    await migrate(url, [first]);
    await expect(migrate(url, [{ ...first, checksum: "other" }])).rejects.toThrow(
      "0001_a.sql was applied in another form",
    );
  });

  it("lets an older node work beside a newer schema that older ones can read", async () => {
    await migrate(url, [first, second]);
    expect(await migrate(url, [first])).toEqual({ version: 2, applied: 0 });
  });

  it("refuses an older node on a schema that it can't read", async () => {
    await migrate(url, [first, { ...second, sql: `-- minimum-reader: 2\n${second.sql}` }]);
    await expect(migrate(url, [first])).rejects.toThrow("Start a newer one");
  });
});
