import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import pg from "pg";

export type Migration = { version: number; name: string; sql: string; checksum: string };

/** The registry schemas this code can work with: it may run beside a newer node while an upgrade is under way. */
export const supportedSchema = { from: 1, to: 5 } as const;

const lockKey = 7_236_001;

/** Reads `migrations/0001_name.sql …` in order; a gap or a double number is an error. */
export async function registryMigrations(
  directory: URL = new URL("../../../migrations/", import.meta.url),
): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name, index) => {
      const version = Number(name.slice(0, 4));
      if (version !== index + 1)
        throw new Error(`Registry migration ${name} should have the number ${index + 1}.`);
      const text = await readFile(new URL(name, directory), "utf8");
      return { version, name, sql: text, checksum: createHash("sha256").update(text).digest("hex") };
    }),
  );
}

/**
 * Brings the registry's schema up to date under a lock: any number of nodes may call it at once. Each migration is one
 * transaction. A schema newer than this code knows is accepted while its `minimum_reader` allows, refused otherwise.
 */
export async function migrate(
  url: string,
  migrations: readonly Migration[],
): Promise<{ version: number; applied: number }> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "tenantry migrate",
    connectionTimeoutMillis: 5_000,
  });
  // One that breaks while we work: the statement under way says so.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [lockKey]);
    await client.query(`
      create schema if not exists tenantry;
      create table if not exists tenantry.schema_migrations (
        version int primary key, name text not null, checksum text not null,
        minimum_reader int not null default 1, applied_at timestamptz not null default now()
      );
      set search_path = tenantry;
    `);
    const { rows } = await client.query<AppliedRow>(
      "select version, name, checksum, minimum_reader from schema_migrations order by version",
    );
    refuseChanged(rows, migrations);
    const pending = migrations.slice(rows.length);
    for (const migration of pending) await apply(client, migration);
    return { version: Math.max(migrations.length, rows.length), applied: pending.length };
  } finally {
    await client.end();
  }
}

type AppliedRow = { version: number; name: string; checksum: string; minimum_reader: number };

function refuseChanged(applied: AppliedRow[], known: readonly Migration[]): void {
  for (const row of applied) {
    const migration = known[row.version - 1];
    if (migration === undefined) {
      if (row.minimum_reader > known.length) {
        throw new Error(
          `The registry has schema ${row.version} (${row.name}), which this version of Tenantry can't read. Start a newer one.`,
        );
      }
    } else if (migration.checksum !== row.checksum) {
      throw new Error(
        `Registry migration ${row.name} was applied in another form. Put its file back as it was.`,
      );
    }
  }
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  const reader = /^-- minimum-reader: (\d+)$/m.exec(migration.sql)?.[1] ?? "1";
  try {
    await client.query("begin");
    await client.query(migration.sql);
    await client.query(
      "insert into schema_migrations (version, name, checksum, minimum_reader) values ($1, $2, $3, $4)",
      [migration.version, migration.name, migration.checksum, Number(reader)],
    );
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw new Error(`Registry migration ${migration.name} failed: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
