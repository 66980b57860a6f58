import { translateMigration } from "@tenantry/data";
import { databaseErrorCode } from "../../../infra/db/index.ts";
import { type CopyTarget, fieldsOfLine } from "../common/seed/copy-text.ts";
import { readSql, SqlUnreadable } from "../common/seed/read-sql.ts";
import { starterDataFailed } from "../common/seed/starter-data-failed.ts";
import {
  boundStatement,
  counted,
  isHeadOfDump,
  type RowsPiece,
  requireCopyTarget,
  requireWidth,
  type StatementPiece,
} from "../common/seed/statements.ts";
import { firstWords, isCopyFromInput } from "../common/split-statements.ts";
import type { DriverContext, Seed } from "../driver.ts";
import { beginScript, endScript, selectScript, takeBack, triedPattern } from "./ledger.sql.ts";
import type { OpenFile } from "./open-file.ts";
import { changesRowsAlone, withoutModel } from "./rows-alone.ts";

/** A file takes its statements in one message, which is held as a whole. */
const mostCharacters = 32 * 1024 * 1024;
const rowsAStatement = 50;

type Placed = { text: string; file: string; line: number };

/** All files in one transaction, together with the record of the run: so it happens once. */
export async function seedOnce(
  file: OpenFile,
  context: DriverContext,
  { runId, files, values, onRead }: Seed & { runId: string },
): Promise<{ rowsChanged: number }> {
  const before = await selectScript(file, runId);
  if (before) return before;
  const all: Placed[] = [];
  let characters = 0;
  for (const one of files) {
    for await (const placed of translated(file, one, { values, onRead })) {
      context.signal.throwIfAborted();
      all.push(placed);
      characters += placed.text.length;
      if (characters > mostCharacters)
        throw starterDataFailed(
          one.name,
          placed.line,
          "at the level sqlite there may be 32 MiB of statements",
        );
    }
  }
  await context.assertLease();
  const texts = all.map(({ text }) => text);
  try {
    await file.script([beginScript(runId), ...texts, endScript(runId)]);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isOfStatement(error)) throw error;
    const at = all[await firstRefused(file, runId, texts)];
    throw starterDataFailed(at?.file ?? files[0]!.name, at?.line, (error as Error).message, error);
  }
  return (await selectScript(file, runId))!;
}

/** On the rows or the statement, as opposed to a full disk or a process that was ended. */
function isOfStatement(error: unknown): boolean {
  const code = databaseErrorCode(error);
  return code !== undefined && code !== "53100";
}

/** SQLite doesn't say which statement it refused: that is the one behind the longest beginning that can be run. */
async function firstRefused(file: OpenFile, runId: string, texts: readonly string[]): Promise<number> {
  let [works, fails] = [0, texts.length + 1];
  while (fails - works > 1) {
    const middle = Math.floor((works + fails) / 2);
    if (await canRun(file, runId, texts.slice(0, middle))) works = middle;
    else fails = middle;
  }
  return works;
}

async function canRun(file: OpenFile, runId: string, texts: readonly string[]): Promise<boolean> {
  try {
    await file.script([beginScript(runId), ...texts, endScript(runId), takeBack(runId)]);
    return true;
  } catch (error) {
    if (!isOfStatement(error)) throw error;
    return triedPattern.test((error as Error).message);
  }
}

async function* translated(
  file: OpenFile,
  { name, read }: Seed["files"][number],
  { values, onRead }: Pick<Seed, "values" | "onRead">,
): AsyncGenerator<Placed> {
  let target: CopyTarget | undefined;
  try {
    for await (const piece of readSql(counted(read(), onRead))) {
      if (piece.kind === "statement" && isCopyFromInput(piece.text)) target = requireCopyTarget(piece);
      else {
        const plain = piece.kind === "rows" ? insertsOf(piece, target!) : statementOf(piece, values);
        for (const { text, line } of plain) {
          for (const one of await asSqlite(file, text, line)) yield { text: one, file: name, line };
        }
      }
    }
  } catch (error) {
    if (error instanceof SqlUnreadable) throw starterDataFailed(name, error.line, error.message, error);
    throw error;
  }
}

type Plain = { text: string; line: number };

function statementOf(piece: StatementPiece, known: Seed["values"]): Plain[] {
  if (isHeadOfDump(piece)) return [];
  // Nothing can be bound to a script: literals stand where parameters would.
  const { text } = boundStatement(piece, known, (_number, value) => literal(value));
  const [first = ""] = firstWords({ text, offset: 0 }, 1);
  if (!changesRowsAlone(first)) {
    const reason = `starter data changes rows at the level sqlite, and ${first.toUpperCase()} does something else`;
    throw new SqlUnreadable(piece.line, reason);
  }
  return [{ text, line: piece.line }];
}

/** Quotes within are doubled, and a backslash is only one: nothing of a value becomes a part of the statement. */
const literal = (value: string | null): string =>
  value === null ? "null" : `'${value.replaceAll("'", "''")}'`;

function insertsOf({ rows, line }: RowsPiece, target: CopyTarget): Plain[] {
  const inserts: Plain[] = [];
  for (let from = 0; from < rows.length; from += rowsAStatement) {
    const tuples = rows.slice(from, from + rowsAStatement).map((row, index) => {
      const fields = fieldsOfLine(row);
      requireWidth(fields, target, line + from + index);
      return `(${fields.map(literal).join(", ")})`;
    });
    const { table, columns } = target;
    const into = `insert into ${table} (${columns}) overriding system value values `;
    inserts.push({ text: into + tuples.join(", "), line: line + from });
  }
  return inserts;
}

async function asSqlite(file: OpenFile, text: string, line: number): Promise<string[]> {
  const { statements, findings } = await translateMigration(text, file.schema);
  const [finding] = findings;
  if (finding) throw new SqlUnreadable(line + (finding.line - 1), finding.message.replace(/\.$/, ""));
  return withoutModel(statements);
}
