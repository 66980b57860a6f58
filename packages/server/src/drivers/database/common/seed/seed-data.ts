import type pg from "pg";
import type { DriverContext, LoginPlace, Logins, Seed } from "../../driver.ts";
import { asOwnLogin, type BeforeCommit, commitNoted } from "../own-login.ts";
import { isCopyFromInput } from "../split-statements.ts";
import { SeedRefused, type Sent, sendOne, sendTogether } from "./batch.ts";
import { type CopyTarget, fieldsOfLine } from "./copy-text.ts";
import type { PlaceholderValues } from "./placeholders.ts";
import { readSql, SqlUnreadable } from "./read-sql.ts";
import { starterDataFailed } from "./starter-data-failed.ts";
import {
  boundStatement,
  counted,
  isHeadOfDump,
  type RowsPiece,
  requireCopyTarget,
  requireWidth,
  type StatementPiece,
} from "./statements.ts";

export type SeedRun = Seed & {
  logins: Logins;
  place: LoginPlace;
  /** Names the login: the same at a repetition, and never for anything else. */
  loginId: string;
  removeLogin(): Promise<void>;
  beforeCommit: BeforeCommit;
};

/** Statements sent together have about so many characters. */
const sentTogether = 64 * 1024;

/**
 * Puts starter data into one environment: all files in one transaction, as a login that is made for it, reaches that
 * environment alone and reads and writes rows, no more. Holds a few statements at a time, however long the files are.
 * Not repeatable: ask `transactionOutcome` before. Throws `starter_data_failed` with file and line, and then nothing of
 * it stays.
 */
export async function seedData(context: DriverContext, run: SeedRun): Promise<{ rowsChanged: number }> {
  return asOwnLogin(context, run, {
    work: (client) => seedAs(context, client, run),
    remove: run.removeLogin,
  });
}

async function seedAs(
  context: DriverContext,
  client: pg.Client,
  run: SeedRun,
): Promise<{ rowsChanged: number }> {
  let rowsChanged = 0;
  await client.query("begin");
  for (const file of run.files) rowsChanged += await sendFile(client, context, run, file);
  return commitNoted(context, client, { rowsChanged, beforeCommit: run.beforeCommit });
}

async function sendFile(
  client: pg.ClientBase,
  context: DriverContext,
  run: SeedRun,
  file: Seed["files"][number],
): Promise<number> {
  const batch: Batch = {
    client,
    values: run.values,
    waiting: [],
    length: 0,
    copy: undefined,
    rowsChanged: 0,
  };
  try {
    for await (const piece of readSql(counted(file.read(), run.onRead))) {
      context.signal.throwIfAborted();
      if (piece.kind === "rows") await sendRows(batch, piece);
      else await addStatement(batch, piece);
    }
    await flush(batch);
    // What is checked at the end is checked while it can still be told in which file.
    await sendOne(client, { text: "set constraints all immediate", line: 0 });
  } catch (error) {
    context.signal.throwIfAborted();
    throw failed(file.name, error);
  }
  return batch.rowsChanged;
}

type Batch = {
  client: pg.ClientBase;
  values: PlaceholderValues;
  waiting: Sent[];
  length: number;
  copy: CopyTarget | undefined;
  rowsChanged: number;
};

async function addStatement(batch: Batch, piece: StatementPiece): Promise<void> {
  batch.copy = undefined;
  if (isCopyFromInput(piece.text)) {
    await flush(batch);
    batch.copy = requireCopyTarget(piece);
    return;
  }
  if (isHeadOfDump(piece)) return;
  const { text, values } = boundStatement(piece, batch.values);
  const { line, column } = piece;
  if (values.length > 0) {
    await flush(batch);
    batch.rowsChanged += await sendOne(batch.client, { text, values, line, column });
    return;
  }
  batch.waiting.push({ text, line, column });
  batch.length += text.length;
  if (batch.length >= sentTogether) await flush(batch);
}

async function flush(batch: Batch): Promise<void> {
  const sent = batch.waiting;
  batch.waiting = [];
  batch.length = 0;
  if (sent.length === 0) return;
  if (sent.length === 1) batch.rowsChanged += await sendOne(batch.client, sent[0]!);
  else {
    const text = sent.map((one) => one.text).join(";\n");
    batch.rowsChanged += await sendTogether(batch.client, { text, line: sent[0]!.line }, () => sent);
  }
}

/** Values that one statement may have. */
const mostParameters = 20_000;

/** Rows become INSERTs: those work wherever rows do, also where COPY is refused for rows that many share. */
async function sendRows(batch: Batch, { rows, line }: RowsPiece): Promise<void> {
  const copy = batch.copy;
  if (!copy) throw new Error("Rows came without a COPY before them.");
  const size = Math.max(1, Math.floor(mostParameters / copy.width));
  for (let from = 0; from < rows.length; from += size) {
    const parsed = rows.slice(from, from + size).map((row, index) => {
      const fields = fieldsOfLine(row);
      const rowLine = line + from + index;
      requireWidth(fields, copy, rowLine);
      return { ...insertOf(copy, [fields]), line: rowLine };
    });
    const all = insertOf(
      copy,
      parsed.map(({ values }) => values),
    );
    batch.rowsChanged += await sendTogether(batch.client, { ...all, line: line + from }, () => parsed);
  }
}

function insertOf({ table, columns, width }: CopyTarget, rows: readonly (string | null)[][]) {
  const tuple = (row: number) =>
    `(${Array.from({ length: width }, (_, column) => `$${row * width + column + 1}`).join(", ")})`;
  const tuples = rows.map((_, row) => tuple(row)).join(", ");
  return {
    text: `insert into ${table} (${columns}) overriding system value values ${tuples}`,
    values: rows.flat(),
  };
}

function failed(name: string, error: unknown): unknown {
  if (error instanceof SqlUnreadable) return starterDataFailed(name, error.line, error.message, error);
  if (!(error instanceof SeedRefused)) return error;
  const { sent, position } = error;
  // At the end, of what was deferred.
  if (sent.line === 0) return starterDataFailed(name, undefined, error.message, error.cause);
  const before = position === undefined ? "" : [...sent.text].slice(0, Number(position) - 1).join("");
  const isRow = sent.column === undefined;
  const line = sent.line + (isRow ? 0 : before.split("\n").length - 1);
  return starterDataFailed(name, line, error.message, error.cause);
}
