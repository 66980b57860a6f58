import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { databaseErrorCode } from "../../../../infra/db/index.ts";
import { failure, showId, TenantryError } from "../../../../kernel/index.ts";
import { explain, type MigratorRun } from "../../common/apply-migrations.ts";
import type { MigrationFile } from "../../common/migration-file.ts";
import { selectConstraintProblems, selectRelationProblems } from "../../common/seal/verify-tables.sql.ts";
import type { Statement } from "../../common/split-statements.ts";
import type { SealKey } from "./environments.ts";

/** One run of migrations over a shared database. */
export type Application = MigratorRun & {
  seal: SealKey;
  owner: string;
  writer: string;
  /** The statement that is being worked on, for telling where something went wrong. */
  at: { statement: Statement; environment?: string | undefined };
  progress(done: number, all: number): Promise<void>;
};

/** Works on a file within its time, and says where in it something went wrong. */
export async function withinFile<Result>(
  run: Application,
  file: MigrationFile,
  work: () => Promise<Result>,
): Promise<Result> {
  let timedOut = false;
  const deadline = setTimeout(() => {
    timedOut = true;
    void run.terminate().catch(() => run.client.end());
  }, run.limits.fileTimeoutMs);
  run.at = { statement: file.statements[0] ?? { text: "", offset: 0 } };
  try {
    return await work();
  } catch (error) {
    run.context.signal.throwIfAborted();
    if (error instanceof TenantryError) throw error;
    throw explainHere(run, file, error, timedOut);
  } finally {
    clearTimeout(deadline);
  }
}

function explainHere(run: Application, file: MigrationFile, error: unknown, timedOut: boolean): unknown {
  const { statement, environment } = run.at;
  if (error instanceof pg.DatabaseError) {
    // It counts in what was made of the statement.
    error.position = undefined;
    if (environment !== undefined) error.message += ` (in ${showId("env", environment)})`;
  }
  return explain(run, file, statement, error, timedOut);
}

const attemptMs = 250;

/**
 * Begins a transaction in which `take` gets its locks. Whoever waits for one keeps everybody behind him waiting, so it is
 * tried for a moment at a time, until the limit is up.
 */
export async function beginWithLocks<Result>(run: Application, take: () => Promise<Result>): Promise<Result> {
  const { client, limits } = run;
  const until = performance.now() + limits.lockTimeoutMs;
  for (let wait = 20; ; wait = Math.min(wait * 2, 1_000)) {
    await client.query("begin");
    await client.query("set local role none");
    try {
      await client.query(`set local lock_timeout = ${Math.min(attemptMs, limits.lockTimeoutMs)}`);
      const result = await take();
      await client.query(`set local lock_timeout = ${limits.lockTimeoutMs}`);
      return result;
    } catch (error) {
      if (databaseErrorCode(error) !== "55P03" || performance.now() + wait > until) throw error;
      await client.query("rollback");
      await pause(wait, undefined, { signal: run.context.signal });
    }
  }
}

/** Nothing is committed that would let a row out. */
export async function requireSealed({ client }: Application, file: MigrationFile): Promise<void> {
  const problems = [...(await selectRelationProblems(client)), ...(await selectConstraintProblems(client))];
  if (problems.length === 0) return;
  throw failure("isolation_unavailable", {
    detail: `${file.migration.name} would break the seal of the shared database: ${problems.join(" ")}`,
  });
}
