import type { ClientBase } from "pg";
import { type MigrationFile, migrationFailed } from "./migration-file.ts";

/**
 * An index that was to be built concurrently and couldn't is left behind, invalid, and IF NOT EXISTS passes it over: the
 * file would count as done, and nothing would be unique. Asked with the rights of the file. Throws `migration_failed`.
 */
export async function refuseInvalidIndexes(client: ClientBase, file: MigrationFile): Promise<void> {
  if (!/\bconcurrently\b/i.test(file.migration.sql)) return;
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
     where not i.indisvalid and c.relkind = 'i' and pg_catalog.pg_get_userbyid(c.relowner) = current_user
     order by 1 limit 1`,
  );
  const name = rows[0]?.name;
  if (name === undefined) return;
  const to = file.statements.find(({ text }) => text.includes(name)) ?? file.statements[0];
  const reason = `the index ${name} stands from an attempt that failed, and isn't valid`;
  throw migrationFailed(file.migration, to?.offset ?? 0, reason, {
    remedy: `Drop it before it is built: DROP INDEX CONCURRENTLY IF EXISTS ${name};`,
  });
}
