import type { Node, ParseResult, RawStmt } from "@pgsql/types";
import { Refusal } from "./refusal.ts";

type Parser = {
  loadModule(): Promise<void>;
  parseSync(text: string): ParseResult;
  hasSqlDetails(error: unknown): boolean;
};

let parser: Parser | undefined;
let loading: Promise<void> | undefined;

/** Loads PostgreSQL's own parser (10 ms, once in a process). */
export function loadParser(): Promise<void> {
  loading ??= import("libpg-query").then(async (module) => {
    await module.loadModule();
    parser = module as unknown as Parser;
  });
  return loading;
}

/** Longer texts cost more to look at than they can be worth. */
const longestText = 1_000_000;

export type ParsedStatement = { node: Node; location: number; length: number };

/** The statements of a text, as PostgreSQL reads them. `loadParser` first. */
export function parseStatements(text: string): ParsedStatement[] {
  if (text.length > longestText)
    throw new Refusal("54000", `A statement has ${longestText} characters at most.`);
  if (text.includes("\0")) throw new Refusal("22021", 'invalid byte sequence for encoding "UTF8": 0x00');
  try {
    const { stmts = [] } = parser!.parseSync(text);
    return stmts.map((statement) => placed(text, statement));
  } catch (error) {
    const details = (error as { sqlDetails?: { message: string; cursorPosition: number } }).sqlDetails;
    if (!details) throw new Refusal("54001", "The statement is nested too deeply.");
    throw new Refusal("42601", details.message, { location: details.cursorPosition });
  }
}

// The parser counts bytes of UTF-8.
function placed(text: string, { stmt, stmt_location = 0, stmt_len = 0 }: RawStmt): ParsedStatement {
  const bytes = /[^\0-\x7f]/.test(text) ? Buffer.from(text) : undefined;
  const location = bytes ? bytes.subarray(0, stmt_location).toString().length : stmt_location;
  const end = stmt_len === 0 ? undefined : stmt_location + stmt_len;
  const upTo = bytes ? bytes.subarray(0, end).toString().length : (end ?? text.length);
  return { node: stmt!, location, length: upTo - location };
}
