import { databaseErrorCode } from "../../../infra/db/index.ts";
import { failure } from "../../../kernel/index.ts";
import { refuseChanged } from "../common/apply-migrations.ts";
import type { AppMigration, AppSchema, DriverContext, LaneRequest, TableLock } from "../driver.ts";
import { createLedger, insertLedger, selectLedger } from "./ledger.sql.ts";
import type { OpenFile } from "./open-file.ts";
import { translate } from "./translate.ts";

type Run = Pick<DriverContext, "assertLease" | "signal">;

/**
 * Applies the migrations that a file doesn't have yet, each whole or not at all. Throws `migration_failed`,
 * `migration_changed`, or `isolation_unavailable` for what SQLite can't hold.
 */
export async function applyMigrations(
  file: OpenFile,
  run: Run,
  schema: AppSchema,
  onFile?: LaneRequest["onFile"],
): Promise<number> {
  await createLedger(file);
  const ledger = await selectLedger(file);
  refuseChanged(ledger, schema.migrations);
  const present = new Set(ledger.map(({ ordinal }) => ordinal));
  if (schema.migrations.every(({ ordinal }) => present.has(ordinal))) return 0;
  // All of them first: what can't be held is found before anything is changed.
  const pending = (await translate(schema)).migrations.filter(
    ({ migration }) => !present.has(migration.ordinal),
  );
  for (const { migration, statements } of pending) {
    await run.assertLease();
    run.signal.throwIfAborted();
    const [began, tables] = [performance.now(), Object.keys(file.schema.tables)];
    await file.script([...statements, insertLedger(migration)]).catch((error: unknown) => {
      run.signal.throwIfAborted();
      throw explain(migration, error);
    });
    const tookMs = Math.round(performance.now() - began);
    onFile?.({ name: migration.name, transactional: true, tookMs, locks: locksOf(tables, statements) });
  }
  return pending.length;
}

/** One writes at a time in a file, whatever the table; a table that is changed is made anew, and the old one dropped. */
const locksOf = (tables: readonly string[], statements: readonly string[]): TableLock[] =>
  tables.map((table) => ({
    table: `public.${table}`,
    blocks: "writes",
    rewritten: statements.includes(`drop table "${table.replaceAll('"', '""')}"`),
  }));

const slow = "Make the migration shorter, or do its work in several smaller ones.";
const locked = "Try again when the application writes less.";

/** What a migration that was found sound failed with on the rows that are there: SQLite doesn't say at which place. */
function explain({ name }: AppMigration, error: unknown): unknown {
  const code = databaseErrorCode(error);
  if (code === undefined || code === "53100") return error;
  const remedy = { "57014": slow, "55P03": locked }[code];
  const detail = `${name}: ${(error as Error).message}.`;
  return failure("migration_failed", { detail, remedy, extra: { file: name } }, { cause: error });
}
