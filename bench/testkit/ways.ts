import { readFile } from "node:fs/promises";
import { startTestKit, type TestLevel } from "@tenantry/testing";
import pg from "pg";

/** A place of a test's own, and how it is given back. */
export type Place = { query(text: string): Promise<{ rows: unknown[] }>; giveBack(): Promise<unknown> };

/** One way to isolate tests, as one worker uses it. */
export type Way = { place(): Promise<Place>; close(): Promise<unknown> };

export const migrations = new URL("migrations/", import.meta.url);
export const readSchema = () => readFile(new URL("001_invoices.sql", migrations), "utf8");

export async function connect(url: string, database?: string): Promise<pg.Client> {
  const address = new URL(url);
  if (database !== undefined) address.pathname = `/${database}`;
  const client = new pg.Client({ connectionString: address.href });
  await client.connect();
  return client;
}

/** The test kit: a tenant for each test. */
export async function kitWay(level: TestLevel, directory: string): Promise<Way> {
  const kit = await startTestKit({ migrations, level, directory });
  return {
    async place() {
      const tenant = await kit.tenant();
      return { query: (text) => tenant.db.query(text), giveBack: () => tenant.remove() };
    },
    close: () => kit.close(),
  };
}

let made = 0;

/** A database copied from a template for each test, dropped after it, as pgtestdb and its like do. */
export async function templateWay(url: string, template: string): Promise<Way> {
  const admin = await connect(url);
  return {
    async place() {
      made += 1;
      const name = `test_${process.pid}_${made}`;
      await admin.query(`create database ${name} template ${template}`);
      const client = await connect(url, name);
      return {
        query: (text) => client.query(text),
        async giveBack() {
          await client.end();
          await admin.query(`drop database ${name} with (force)`);
        },
      };
    },
    close: () => admin.end(),
  };
}

/** One database for each worker; every table is emptied after each test, and the first rows are inserted again. */
export async function truncateWay(url: string, template: string): Promise<Way> {
  const admin = await connect(url);
  const name = `worker_${process.pid}`;
  await admin.query(`create database ${name} template ${template}`);
  const client = await connect(url, name);
  const { rows } = await client.query<{ tables: string }>(
    "select string_agg(tablename, ', ') as tables from pg_tables where schemaname = 'public'",
  );
  const first = (await readSchema()).split("\n").filter((line) => line.startsWith("insert into"));
  return {
    place: async () => ({
      query: (text) => client.query(text),
      giveBack: () =>
        client.query(`truncate ${rows[0]!.tables} restart identity cascade; ${first.join("\n")}`),
    }),
    async close() {
      await client.end();
      await admin.query(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}
