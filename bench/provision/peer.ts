import { readdir, readFile } from "node:fs/promises";
import pg from "pg";

const migrations = new URL("../../apps/sites/migrations/", import.meta.url);

/**
 * What a script does that makes a database for a customer: CREATE DATABASE, CREATE ROLE, the same migrations, the
 * grants. On the same server, without durability, retries, routing or anything else. Milliseconds.
 */
export async function provisionByScript(serverUrl: string, name: string): Promise<number> {
  const files = (await readdir(migrations)).filter((file) => file.endsWith(".sql")).sort();
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, migrations), "utf8")));
  const startedAt = performance.now();
  const admin = await connect(serverUrl);
  await admin.query(`create database ${name}`);
  await admin.query(`create role ${name} login password 'peer'`);
  await admin.end();
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const database = await connect(url.href);
  for (const text of texts) await database.query(text);
  await database.query(`grant select, insert, update, delete on all tables in schema public to ${name}`);
  await database.end();
  return performance.now() - startedAt;
}

export async function dropScripted(serverUrl: string, name: string): Promise<void> {
  const admin = await connect(serverUrl);
  await admin.query(`drop database ${name} with (force)`);
  await admin.query(`drop role ${name}`);
  await admin.end();
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
}
