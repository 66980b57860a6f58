import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { runner } from "node-pg-migrate";
import pg from "pg";

/** What the peer has to be told of each tenant. */
type Target = { url: string; schema: string };

const names = ["1700000000001_first.sql", "1700000000002_second.sql"];

/** The loop that most people write: each tenant after the other, with node-pg-migrate, as a superuser. */
export async function openPeer(serverUrl: string, files: readonly [string, string]) {
  const directory = await mkdtemp(path.join(tmpdir(), "tenantry-bench-peer-"));
  for (const [index, text] of files.entries()) await writeFile(path.join(directory, names[index]!), text);
  const made: string[] = [];

  const migrate = ({ url, schema }: Target, count: number) =>
    runner({
      ...{ databaseUrl: url, dir: directory, direction: "up", count, migrationsTable: "migrations" },
      ...{
        schema,
        migrationsSchema: schema,
        createSchema: schema !== "public",
        createMigrationsSchema: true,
      },
      log: () => undefined,
    });

  async function admin(text: string): Promise<void> {
    const client = new pg.Client({ connectionString: serverUrl });
    await client.connect();
    await client.query(text);
    await client.end();
  }

  return {
    /** Tenants with the first file applied. */
    async prepare(level: "database" | "schema", count: number): Promise<Target[]> {
      const targets: Target[] = [];
      const url = (name: string) => Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href;
      if (level === "schema") {
        await admin("create database peer_schemas");
        made.push("peer_schemas");
        for (let number = 0; number < count; number += 1) {
          const target = { url: url("peer_schemas"), schema: `tenant_${number}` };
          await migrate(target, 1);
          targets.push(target);
        }
        return targets;
      }
      const template = { url: url("peer_template"), schema: "public" };
      await admin("create database peer_template");
      made.push("peer_template");
      await migrate(template, 1);
      for (let number = 0; number < count; number += 1) {
        const name = `peer_${number}`;
        await admin(`create database ${name} template peer_template`);
        made.push(name);
        targets.push({ url: url(name), schema: "public" });
      }
      return targets;
    },
    /** The second file; milliseconds for all of them. */
    async run(targets: readonly Target[]): Promise<number> {
      const startedAt = performance.now();
      for (const target of targets) await migrate(target, 1);
      return performance.now() - startedAt;
    },
    bare: (level: "database" | "schema", targets: readonly Target[]) => runBare(level, targets, files[1]),
    async close(): Promise<void> {
      for (const name of made) await admin(`drop database ${name} with (force)`);
      await rm(directory, { recursive: true });
    },
  };
}

/** The least that any way comes to: the same file and a line of a ledger, in a message each, as a superuser. */
async function runBare(
  level: "database" | "schema",
  targets: readonly Target[],
  file: string,
): Promise<number> {
  const open = async (connectionString: string) => {
    const client = new pg.Client({ connectionString });
    await client.connect();
    return client;
  };
  const startedAt = performance.now();
  let client = await open(targets[0]!.url);
  for (const [index, { url, schema }] of targets.entries()) {
    if (index > 0 && level === "database") {
      await client.end();
      client = await open(url);
    }
    await client.query(
      `begin; set local search_path to ${schema}; ${file}
       insert into migrations (name, run_on) values ('bare', now()); commit`,
    );
  }
  await client.end();
  return performance.now() - startedAt;
}
