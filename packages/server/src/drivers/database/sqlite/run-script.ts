import { translateMigration } from "@tenantry/data";
import { databaseErrorCode } from "../../../infra/db/index.ts";
import { failure } from "../../../kernel/index.ts";
import { migrationFailed } from "../common/migration-file.ts";
import { asFile, readScript, scriptFailed } from "../common/run-script.ts";
import { firstWords } from "../common/split-statements.ts";
import type { DriverContext, FileScript, FileScripts, Script } from "../driver.ts";
import { requirePlaces } from "./directory.ts";
import { requireSound } from "./inspect.ts";
import {
  beginScript,
  createScriptLedger,
  endScript,
  selectScript,
  takeBack,
  triedPattern,
} from "./ledger.sql.ts";
import { appOf } from "./names.ts";
import type { OpenFile } from "./open-file.ts";
import { ownerFor, type SqliteParts } from "./parts.ts";
import { changesRowsAlone, withoutModel } from "./rows-alone.ts";
import { seedOnce } from "./seed.ts";

/** Implements `DatabaseDriver.fileScripts`. */
export function fileScripts(parts: SqliteParts): FileScripts {
  return {
    run: (context, request) => withScripts(parts, request, (file) => runOnce(file, context, request)),
    seed: (context, request) => withScripts(parts, request, (file) => seedOnce(file, context, request)),
    outcome: (request) => withScripts(parts, request, (file) => selectScript(file, request.runId)),
  };
}

async function withScripts<Result>(
  parts: SqliteParts,
  { server, database: { name, encryptionKey } }: FileScript,
  work: (file: OpenFile) => Promise<Result>,
): Promise<Result> {
  const path = (await requirePlaces(server)).fileOf(name);
  await requireSound(path, await ownerFor(parts, appOf(name)));
  return parts.files({ path, encryptionKey }, async (file) => {
    await file.script([createScriptLedger]);
    return work(file);
  });
}

async function runOnce(
  file: OpenFile,
  context: DriverContext,
  { runId, script, dryRun }: { runId: string; script: Script; dryRun: boolean },
): Promise<{ rowsChanged: number }> {
  const before = await selectScript(file, runId);
  if (before) return before;
  const statements = await statementsOf(file, script);
  await context.assertLease();
  const end = dryRun ? [endScript(runId), takeBack(runId)] : [endScript(runId)];
  try {
    await file.script([beginScript(runId), ...statements, ...end]);
  } catch (error) {
    context.signal.throwIfAborted();
    const tried = dryRun && triedPattern.exec((error as Error).message);
    if (tried) return { rowsChanged: Number(tried[1]) };
    throw explain(script, error);
  }
  return (await selectScript(file, runId))!;
}

/** As at other levels a script has the rights of an application: to rows, not to the schema. */
async function statementsOf(file: OpenFile, script: Script): Promise<string[]> {
  for (const statement of readScript(script).statements) {
    const [first = ""] = firstWords(statement, 1);
    if (changesRowsAlone(first)) continue;
    const reason = `a script changes rows at the level sqlite, and ${first.toUpperCase()} does something else`;
    throw scriptFailed(migrationFailed(asFile(script), statement.offset, reason));
  }
  const { statements, findings } = await translateMigration(script.sql, file.schema);
  const [finding] = findings;
  if (!finding) return withoutModel(statements);
  const { message, line, remedy } = finding;
  const detail = `${script.name}, line ${line}: ${message.replace(/\.$/, "")}.`;
  throw failure("script_failed", { detail, remedy, extra: { file: script.name, line } });
}

/** A statement that was found sound and failed on the rows that are there: SQLite doesn't say which. */
function explain({ name }: Script, error: unknown): unknown {
  const code = databaseErrorCode(error);
  if (code === undefined || code === "53100") return error;
  const detail = `${name}: ${(error as Error).message}.`;
  return failure("script_failed", { detail, extra: { file: name } }, { cause: error });
}
