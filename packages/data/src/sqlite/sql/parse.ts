import type { Node, ParseResult } from "@pgsql/types";
import { Refusal } from "./refusal.ts";

type Parser = {
  loadModule(): Promise<void>;
  parseSync(text: string): ParseResult;
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

export type ParsedStatement = { node: Node; location: number };

/** The statements of a text, as PostgreSQL reads them. `loadParser` first. */
export function parseStatements(text: string): ParsedStatement[] {
  if (text.length > longestText)
    throw new Refusal("54000", `A statement has ${longestText} characters at most.`);
  if (text.includes("\0")) throw new Refusal("22021", 'invalid byte sequence for encoding "UTF8": 0x00');
  try {
    const { stmts = [] } = parser!.parseSync(text);
    // The parser counts bytes of UTF-8.
    const bytes = /[^\0-\x7f]/.test(text) ? Buffer.from(text) : undefined;
    return stmts.map(({ stmt, stmt_location = 0 }) => {
      const location = bytes ? bytes.subarray(0, stmt_location).toString().length : stmt_location;
      return { node: stmt!, location };
    });
  } catch (error) {
    const details = (error as { sqlDetails?: { message: string; cursorPosition: number } }).sqlDetails;
    if (!details) throw new Refusal("54001", "The statement is nested too deeply.");
    throw new Refusal("42601", details.message, { location: details.cursorPosition });
  }
}
