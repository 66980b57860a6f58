import type pg from "pg";
import { explain, type MigratorRun } from "../../common/apply-migrations.ts";
import type { MigrationFile } from "../../common/migration-file.ts";
import type { Statement } from "../../common/split-statements.ts";

/** Runs a statement of a file where nobody else is, and says where it stands when it fails. */
export async function runStatement(
  run: MigratorRun,
  file: MigrationFile,
  statement: Statement,
): Promise<pg.QueryResult> {
  const { client, context, limits } = run;
  let timedOut = false;
  const deadline = setTimeout(() => {
    timedOut = true;
    void run.terminate().catch(() => client.end());
  }, limits.fileTimeoutMs);
  try {
    return await client.query(statement.text);
  } catch (error) {
    context.signal.throwIfAborted();
    throw explain(run, file, statement, error, timedOut);
  } finally {
    clearTimeout(deadline);
  }
}
