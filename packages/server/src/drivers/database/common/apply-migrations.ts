import type pg from "pg";
import { databaseErrorCode } from "../../../infra/db/index.ts";
import { failure } from "../../../kernel/index.ts";
import type { AppMigration, DriverContext, MigrationLimits } from "../driver.ts";
import { type Stopped, sendAtOnce } from "./apply-at-once.ts";
import { refuseInvalidIndexes } from "./invalid-indexes.ts";
import { insertionIntoLedger, insertLedger, type LedgerRow, selectLedgerAsOwner } from "./ledger.sql.ts";
import { errorOffset, type MigrationFile, migrationFailed, readMigration } from "./migration-file.ts";
import type { FileObserver } from "./observe-files.ts";
import type { Statement } from "./split-statements.ts";

export const defaultMigrationLimits: MigrationLimits = {
  statementTimeoutMs: 300_000,
  lockTimeoutMs: 10_000,
  fileTimeoutMs: 900_000,
};

/** A connection logged in as a migrator, working as the application's owner. */
export type MigratorRun = {
  client: pg.Client;
  context: Pick<DriverContext, "assertLease" | "signal">;
  limits: MigrationLimits;
  /** Ends the run's backend from outside: a file may have switched its own timeouts off. */
  terminate(): Promise<void>;
};

/** What is done around the statements of each file, on its connection and, when it has one, in its transaction. */
export type MigrationWrap = {
  /** The statements as they are to be run here. */
  statements(client: pg.Client, file: MigrationFile): Promise<readonly Statement[]>;
  before(client: pg.Client, file: MigrationFile): Promise<void>;
  after(client: pg.Client, file: MigrationFile): Promise<void>;
};

type MigrationRun = MigratorRun & {
  ledger: string;
  wrap?: MigrationWrap | undefined;
  /** Statements at the beginning of each file's transaction. */
  prologue?: readonly string[] | undefined;
  observe?: FileObserver | undefined;
};

/** Applies those that the ledger doesn't name yet. Each file is whole or not there, wherever we are interrupted. */
export async function applyMigrations(
  run: MigrationRun,
  migrations: readonly AppMigration[],
): Promise<number> {
  const ledger = await selectLedgerAsOwner(run.client, run.ledger);
  return applyFiles(run, pendingOf(ledger, migrations));
}

/**
 * The files that a ledger doesn't name as done. Throws `migration_changed` when one that it does reads differently; one
 * that stopped half-way may be mended.
 */
export function pendingOf(
  ledger: readonly LedgerRow[],
  migrations: readonly AppMigration[],
): MigrationFile[] {
  const done = ledger.filter((row) => row.finished);
  refuseChanged(done, migrations);
  const finished = new Set(done.map((row) => row.ordinal));
  return migrations.filter((migration) => !finished.has(migration.ordinal)).map(readMigration);
}

export async function applyFiles(run: MigrationRun, files: readonly MigrationFile[]): Promise<number> {
  for (const [index, file] of files.entries()) {
    // What a file set for its session must not reach the next one.
    if (index > 0) await run.client.query("discard all").then(() => run.client.query("reset role"));
    await run.context.assertLease();
    run.context.signal.throwIfAborted();
    await applyFile(run, file);
  }
  return files.length;
}

export function refuseChanged(ledger: readonly LedgerRow[], migrations: readonly AppMigration[]): void {
  for (const row of ledger) {
    const migration = migrations.find(({ ordinal }) => ordinal === row.ordinal);
    if (!migration || (migration.name === row.name && migration.checksum === row.checksum)) continue;
    throw failure("migration_changed", {
      detail: `Migration ${row.ordinal} was applied as ${row.name}, and ${migration.name} isn't the same.`,
    });
  }
}

async function applyFile(run: MigrationRun, file: MigrationFile): Promise<void> {
  let timedOut = false;
  const deadline = setTimeout(() => {
    timedOut = true;
    void run.terminate().catch(() => run.client.end());
  }, run.limits.fileTimeoutMs);
  const send = mayGoAtOnce(run, file) ? applyAtOnce : applyOneByOne;
  const stopped = await send(run, file).finally(() => clearTimeout(deadline));
  if (!stopped) return;
  run.context.signal.throwIfAborted();
  throw explain(run, file, stopped.statement, stopped.error, timedOut, stopped.position);
}

/** A message is read as a whole before anything in it runs: nothing in it may change how strings are read. */
const mayGoAtOnce = ({ wrap, observe }: MigrationRun, { transactional, migration }: MigrationFile): boolean =>
  transactional && !wrap && !observe && !/standard_conforming_strings/i.test(migration.sql);

const nothing: Statement = { text: "", offset: 0 };

async function applyAtOnce(
  run: MigrationRun,
  { statements, migration }: MigrationFile,
): Promise<Stopped | undefined> {
  const [first = nothing, last = first] = [statements[0], statements.at(-1)];
  return sendAtOnce(run.client, [
    ...["begin", ...(run.prologue ?? [])].map((text) => ({ text, of: first })),
    ...statements.map((statement) => ({ text: statement.text, of: statement })),
    ...["set local role none", insertionIntoLedger(run.ledger, migration), "commit"].map((text) => ({
      text,
      of: last,
    })),
  ]);
}

async function applyOneByOne(run: MigrationRun, file: MigrationFile): Promise<Stopped | undefined> {
  const { client, ledger, wrap } = run;
  let running = file.statements[0] ?? nothing;
  try {
    if (file.transactional) await client.query("begin");
    else await asMigrator(client, () => insertLedger(client, ledger, file.migration, false));
    for (const text of run.prologue ?? []) await client.query(text);
    const statements = wrap ? await wrap.statements(client, file) : file.statements;
    await wrap?.before(client, file);
    await run.observe?.before(client, file);
    for (running of statements) await client.query(running.text);
    await run.observe?.after(client, file);
    await wrap?.after(client, file);
    if (file.transactional) {
      await client.query("set local role none");
      await insertLedger(client, ledger, file.migration, true);
      await client.query("commit");
    } else {
      await refuseInvalidIndexes(client, file);
      await asMigrator(client, () => insertLedger(client, ledger, file.migration, true));
    }
    return undefined;
  } catch (error) {
    return { statement: running, error };
  }
}

/** The ledger belongs to the migrator's rights; files work with the owner's alone. */
async function asMigrator<Result>(client: pg.Client, work: () => Promise<Result>): Promise<Result> {
  await client.query("set role none");
  const result = await work();
  await client.query("reset role");
  return result;
}

const privilegeRemedy =
  "Migrations run without superuser rights. Leave the statement out, or have a superuser do it on the server once.";

/** What went wrong in a file, with the place where, when the file is to blame. */
export function explain(
  run: Pick<MigratorRun, "limits">,
  file: MigrationFile,
  statement: Statement,
  error: unknown,
  timedOut: boolean,
  place = (error as Partial<pg.DatabaseError>).position,
): unknown {
  const { limits } = run;
  const at = (offset: number, reason: string, remedy?: string) =>
    migrationFailed(file.migration, offset, reason, { remedy, cause: error });
  const slow = "Make the migration shorter, or do its work in several smaller ones.";
  if (timedOut) {
    return at(
      statement.offset,
      `the file took longer than ${limits.fileTimeoutMs / 1000} s and was ended`,
      slow,
    );
  }
  const code = databaseErrorCode(error);
  if (code === undefined) return error;
  if (code === "57014") {
    const reason = `the statement took longer than ${limits.statementTimeoutMs / 1000} s and was ended`;
    return at(statement.offset, reason, slow);
  }
  if (code === "55P03") {
    return at(
      statement.offset,
      `a lock couldn't be had within ${limits.lockTimeoutMs / 1000} s`,
      "Try again when the table is used less, or end what holds the lock.",
    );
  }
  const { message, hint } = error as pg.DatabaseError;
  const reason = hint ? `${message} (${hint.replace(/\.$/, "")})` : message;
  return at(errorOffset(statement, place), reason, code === "42501" ? privilegeRemedy : undefined);
}
