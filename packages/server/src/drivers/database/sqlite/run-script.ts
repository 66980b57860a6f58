import { migrationFailed } from "../common/migration-file.ts";
import { asFile, readScript, scriptFailed } from "../common/run-script.ts";
import { firstWords, type Statement } from "../common/split-statements.ts";
import type { DriverContext, FileScript, FileScripts, Script } from "../driver.ts";
import { explain } from "./apply.ts";
import { requirePlaces } from "./directory.ts";
import { requireSound } from "./inspect.ts";
import { createScriptLedger, insertScript, selectChanges, selectScript } from "./ledger.sql.ts";
import { appOf } from "./names.ts";
import { type OpenFile, withFile } from "./open-file.ts";
import { ownerFor, type SqliteOptions } from "./parts.ts";

/** Implements `DatabaseDriver.fileScripts`. */
export function fileScripts(options: SqliteOptions): FileScripts {
  return {
    run: (context, request) => withScripts(options, request, (file) => runOnce(file, context, request)),
    outcome: (request) => withScripts(options, request, (file) => selectScript(file, request.runId)),
  };
}

async function withScripts<Result>(
  options: SqliteOptions,
  { server, database: { name, encryptionKey } }: FileScript,
  work: (file: OpenFile) => Promise<Result>,
): Promise<Result> {
  const path = (await requirePlaces(server)).fileOf(name);
  await requireSound(path, await ownerFor(options, appOf(name)));
  return withFile({ path, encryptionKey }, async (file) => {
    await createScriptLedger(file);
    return work(file);
  });
}

async function runOnce(
  file: OpenFile,
  context: DriverContext,
  { runId, script, dryRun }: { runId: string; script: Script; dryRun: boolean },
): Promise<{ rowsChanged: number }> {
  const statements = statementsOf(script);
  let running = statements[0] ?? { text: "", offset: 0 };
  try {
    await file.run("begin immediate");
    const before = await selectScript(file, runId);
    if (before) {
      await file.rollBack();
      return before;
    }
    const start = await selectChanges(file);
    for (running of statements) {
      context.signal.throwIfAborted();
      await file.rows(running.text);
    }
    const rowsChanged = (await selectChanges(file)) - start;
    await context.assertLease();
    if (dryRun) await file.rollBack();
    else {
      await insertScript(file, runId, rowsChanged);
      await file.run("commit");
    }
    return { rowsChanged };
  } catch (error) {
    await file.rollBack();
    context.signal.throwIfAborted();
    throw scriptFailed(explain(asFile(script), running, error));
  }
}

const allowed = new Set(["select", "insert", "update", "delete", "with", "values"]);

/** As at other levels a script has the rights of an application: to rows, not to the schema. */
function statementsOf(script: Script): readonly Statement[] {
  const { statements } = readScript(script);
  for (const statement of statements) {
    const [first = ""] = firstWords(statement, 1);
    if (allowed.has(first)) continue;
    const reason = `a script reads and writes rows, and ${first.toUpperCase()} does something else`;
    throw scriptFailed(migrationFailed(asFile(script), statement.offset, reason));
  }
  return statements;
}
