import { firstWords } from "../split-statements.ts";
import { type CopyTarget, copyTarget } from "./copy-text.ts";
import {
  type BoundStatement,
  bindPlaceholders,
  type Parameter,
  PlaceholderMisplaced,
  type PlaceholderValues,
} from "./placeholders.ts";
import { type SqlPiece, SqlUnreadable } from "./read-sql.ts";

export type StatementPiece = Extract<SqlPiece, { kind: "statement" }>;
export type RowsPiece = Extract<SqlPiece, { kind: "rows" }>;

/** A statement with its values beside it. Throws `SqlUnreadable` for what can't be in starter data. */
export function boundStatement(
  piece: StatementPiece,
  known: PlaceholderValues,
  parameter?: Parameter,
): BoundStatement {
  const { text, line } = piece;
  refuseImpossible(piece);
  try {
    return bindPlaceholders(text, known, parameter);
  } catch (error) {
    if (!(error instanceof PlaceholderMisplaced)) throw error;
    throw new SqlUnreadable(line + text.slice(0, error.offset).split("\n").length - 1, error.message);
  }
}

const parameters = [
  ...["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"],
  ...["client_encoding", "standard_conforming_strings", "check_function_bodies", "xmloption"],
  ...["client_min_messages", "row_security", "default_tablespace", "default_table_access_method"],
].join("|");
const dumpsOwn = new RegExp(
  String.raw`^(?:set\s+(?:${parameters})\s*=|select\s+pg_catalog\.set_config\s*\(\s*'search_path')`,
  "i",
);

/** What pg_dump puts at the head of a file, about the session that reads it: that is ours. */
export const isHeadOfDump = ({ text }: StatementPiece): boolean => dumpsOwn.test(text);

/** The transaction is ours. Dumps put their own around everything, which then says nothing more. */
function refuseImpossible({ text, line }: StatementPiece): void {
  const [first = ""] = firstWords({ text, offset: 0 }, 1);
  if (first === "\\")
    throw new SqlUnreadable(line, "commands of psql that begin with a backslash aren't SQL");
  if (["begin", "start", "commit", "end", "abort", "rollback", "savepoint", "release"].includes(first)) {
    throw new SqlUnreadable(
      line,
      `${first.toUpperCase()}: all of it is one transaction already; take it out`,
    );
  }
}

/** Into what the rows go that follow a COPY. Throws `SqlUnreadable` for a form that can't be read. */
export function requireCopyTarget({ text, line }: StatementPiece): CopyTarget {
  const target = copyTarget(text);
  if (target) return target;
  throw new SqlUnreadable(
    line,
    "of COPY only the text form with columns can be read: COPY table (a, b) FROM stdin",
  );
}

/** Throws `SqlUnreadable` for a row with more or fewer values than there are columns. */
export function requireWidth(fields: readonly unknown[], { width }: CopyTarget, line: number): void {
  if (fields.length !== width)
    throw new SqlUnreadable(line, `this row has ${fields.length} values for ${width} columns`);
}

/** Tells of each chunk when the next is asked for: then it has been read. */
export async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  onRead: (bytes: number) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk;
    await onRead(chunk.length);
  }
}
