import { TextDecoder } from "node:util";
import { isCopyFromInput, nextStatement } from "../split-statements.ts";

/** A piece of a file of SQL, with the line it begins in. */
export type SqlPiece =
  | { kind: "statement"; text: string; line: number; column: number }
  /** Lines of data that belong to the `COPY` before, without their line breaks. */
  | { kind: "rows"; rows: string[]; line: number };

/** What a file can't have; `line` counts from 1. */
export class SqlUnreadable extends Error {
  readonly line: number;
  constructor(line: number, reason: string) {
    super(reason);
    this.line = line;
  }
}

export const longestPiece = 16 * 1024 * 1024;

/** Rows handed on together have about so many characters. */
const rowsTogether = 256 * 1024;

/**
 * Reads a file of SQL piece by piece, of any length: only one statement, or a handful of rows, is held at a time. Throws
 * `SqlUnreadable` for text that isn't UTF-8, for a statement or row above 16 MiB, and for rows without an end.
 */
export async function* readSql(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SqlPiece> {
  const reader: Reader = { text: "", line: 1, column: 1, inRows: false, isWhole: false };
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for await (const chunk of chunks) {
    reader.text += decode(decoder, chunk, reader.line);
    yield* piecesIn(reader);
    if (reader.text.length > longestPiece) {
      const what = reader.inRows ? "a row" : "a statement";
      throw new SqlUnreadable(reader.line, `${what} has more than ${longestPiece / 1024 / 1024} MiB`);
    }
  }
  reader.text += decode(decoder, undefined, reader.line);
  reader.isWhole = true;
  yield* piecesIn(reader);
  if (reader.inRows) throw new SqlUnreadable(reader.line, "the rows of COPY don't end with a line \\.");
}

type Reader = {
  /** What isn't handed on yet, and where it begins. */
  text: string;
  line: number;
  column: number;
  inRows: boolean;
  /** Nothing follows. */
  isWhole: boolean;
};

function decode(decoder: TextDecoder, chunk: Uint8Array | undefined, line: number): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch {
    throw new SqlUnreadable(line, "this isn't UTF-8");
  }
}

function* piecesIn(reader: Reader): Generator<SqlPiece> {
  for (;;) {
    const piece = reader.inRows ? takeRows(reader) : takeStatement(reader);
    if (!piece) return;
    if (piece.kind === "statement" || piece.rows.length > 0) yield piece;
  }
}

function takeStatement(reader: Reader): SqlPiece | undefined {
  const { statement, end, isEnded } = nextStatement(reader.text, 0);
  if (!isEnded && !(reader.isWhole && statement)) return undefined;
  if (!statement) {
    if (end === 0) return undefined;
    skip(reader, end);
    return takeStatement(reader);
  }
  skip(reader, statement.offset);
  const { line, column } = reader;
  const piece = { kind: "statement" as const, text: statement.text, line, column };
  if (!isCopyFromInput(statement.text)) {
    skip(reader, end - statement.offset);
    return piece;
  }
  // The rows begin with the next line; until that is read, nobody knows where.
  const lineEnd = reader.text.indexOf("\n", end - statement.offset);
  if (lineEnd === -1 && !reader.isWhole) return undefined;
  skip(reader, lineEnd === -1 ? reader.text.length : lineEnd + 1);
  reader.inRows = true;
  return piece;
}

function takeRows(reader: Reader): SqlPiece | undefined {
  const { line } = reader;
  const rows: string[] = [];
  let at = 0;
  while (at < rowsTogether) {
    const end = reader.text.indexOf("\n", at);
    if (end === -1 && !(reader.isWhole && at < reader.text.length)) break;
    const row = reader.text.slice(at, end === -1 ? undefined : end).replace(/\r$/, "");
    at = end === -1 ? reader.text.length : end + 1;
    if (row === "\\.") {
      reader.inRows = false;
      break;
    }
    rows.push(row);
  }
  if (at === 0) return undefined;
  skip(reader, at);
  return { kind: "rows", rows, line };
}

function skip(reader: Reader, count: number): void {
  const skipped = reader.text.slice(0, count);
  const lastBreak = skipped.lastIndexOf("\n");
  if (lastBreak === -1) reader.column += count;
  else {
    reader.line += skipped.split("\n").length - 1;
    reader.column = skipped.length - lastBreak;
  }
  reader.text = reader.text.slice(count);
}
