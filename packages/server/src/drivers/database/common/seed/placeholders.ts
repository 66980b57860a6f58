import { piecesOf } from "../split-statements.ts";

/** What stands for a value: `{{ tenant.name }}`. */
export const placeholder = /\{\{\s*([A-Za-z][\w.]*)\s*\}\}/;

export type PlaceholderValues = Readonly<Record<string, string | null>>;

/** A statement with parameters where its placeholders were, in a text of the same length. */
export type BoundStatement = { text: string; values: (string | null)[] };

/** What stands in a statement for its value of a number, counted from 1. */
export type Parameter = (number: number, value: string | null) => string;

/** Why placeholders can't stand as they do; `offset` in the statement. */
export class PlaceholderMisplaced extends Error {
  readonly offset: number;
  constructor(offset: number, reason: string) {
    super(reason);
    this.offset = offset;
  }
}

/**
 * Makes parameters of a statement's placeholders: their values are sent beside the text, and never become a part of it.
 * Throws `PlaceholderMisplaced` for a name that isn't known, and for one within quotes, where no parameter can stand.
 */
export function bindPlaceholders(
  text: string,
  known: PlaceholderValues,
  parameter: Parameter = (number) => `$${number}::text`,
): BoundStatement {
  if (!placeholder.test(text)) return { text, values: [] };
  const values: (string | null)[] = [];
  let bound = "";
  let copied = 0;
  for (const { text: piece, offset, isQuoted } of piecesOf(text)) {
    if (offset < copied) continue;
    if (isQuoted) refuseWithinQuotes(piece, offset, known);
    const match = piece === "{" ? startsWithPlaceholder(text, offset) : undefined;
    if (!match) continue;
    const [whole, name] = match as unknown as [string, string];
    if (!Object.hasOwn(known, name)) {
      throw new PlaceholderMisplaced(
        offset,
        `there is no {{ ${name} }}; there are ${Object.keys(known).join(", ")}`,
      );
    }
    values.push(known[name]!);
    bound += text.slice(copied, offset) + parameter(values.length, known[name]!).padEnd(whole.length);
    copied = offset + whole.length;
  }
  return { text: bound + text.slice(copied), values };
}

const atStart = new RegExp(placeholder.source, "y");

function startsWithPlaceholder(text: string, offset: number): RegExpExecArray | undefined {
  atStart.lastIndex = offset;
  return atStart.exec(text) ?? undefined;
}

function refuseWithinQuotes(piece: string, offset: number, known: PlaceholderValues): void {
  const match = placeholder.exec(piece);
  // Whatever else stands within quotes is the data's own business.
  if (!match || !Object.hasOwn(known, match[1]!)) return;
  throw new PlaceholderMisplaced(
    offset + match.index,
    `{{ ${match[1]} }} stands within quotes, where it would be only letters: write '…' || {{ ${match[1]} }}`,
  );
}
