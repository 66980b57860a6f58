import { refuseChanged } from "../common/apply-migrations.ts";
import { migrationFailed, readMigration } from "../common/migration-file.ts";
import type { Statement } from "../common/split-statements.ts";
import type { AppMigration, DriverContext } from "../driver.ts";
import { createLedger, insertLedger, selectForeignKeyViolations, selectLedger } from "./ledger.sql.ts";
import { isBusy, isOfStatement, type OpenFile } from "./open-file.ts";

type Run = Pick<DriverContext, "assertLease" | "signal">;

/**
 * Applies the migrations that a file doesn't have yet, each whole or not at all. Throws `migration_failed`,
 * `migration_changed`, or `isolation_unavailable` for what SQLite can't hold.
 */
export async function applyMigrations(
  file: OpenFile,
  run: Run,
  migrations: readonly AppMigration[],
): Promise<number> {
  await createLedger(file);
  const ledger = await selectLedger(file);
  refuseChanged(ledger, migrations);
  const present = new Set(ledger.map(({ ordinal }) => ordinal));
  const pending = migrations.filter(({ ordinal }) => !present.has(ordinal));
  // All of them first: what can't be held is found before anything is changed.
  const translated = pending.map((migration) => ({
    migration,
    statements: readMigration(migration).statements,
  }));
  // A table that is made anew is dropped for a moment; what refers to it is checked at the end of each file.
  await file.run("pragma foreign_keys = off");
  for (const { migration, statements } of translated) {
    await run.assertLease();
    run.signal.throwIfAborted();
    await applyOne(file, run, migration, statements);
  }
  return pending.length;
}

async function applyOne(
  file: OpenFile,
  run: Run,
  migration: AppMigration,
  statements: readonly Statement[],
): Promise<void> {
  let running = statements[0] ?? { text: "", offset: 0 };
  try {
    await file.run("begin immediate");
    for (running of statements) {
      run.signal.throwIfAborted();
      await file.run(running.text);
    }
    await refuseDangling(file, migration, running);
    await insertLedger(file, migration);
    await file.run("commit");
  } catch (error) {
    await file.rollBack();
    run.signal.throwIfAborted();
    throw explain(migration, running, error);
  }
}

async function refuseDangling(file: OpenFile, migration: AppMigration, last: Statement): Promise<void> {
  const [violation] = await selectForeignKeyViolations(file);
  if (!violation) return;
  const reason = `after it rows of ${violation.table} refer to rows of ${violation.parent} that aren't there`;
  throw migrationFailed(migration, last.offset, reason);
}

/** What went wrong in a file, with the place where, when the file is to blame. */
export function explain(migration: AppMigration, statement: Statement, error: unknown): unknown {
  if (isBusy(error)) {
    return migrationFailed(migration, statement.offset, "somebody else was writing for too long", {
      remedy: "Try again when the application writes less.",
      cause: error,
    });
  }
  if (!isOfStatement(error)) return error;
  return migrationFailed(migration, statement.offset, (error as Error).message, { cause: error });
}
