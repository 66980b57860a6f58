import type { Token } from "../tokens.ts";

/** Something that a query reads: a table by its name, or what has columns of its own making. */
export type Source = {
  alias: string;
  table: string | undefined;
  /** Where the query begins that makes its columns. */
  body: number | undefined;
};

/** Queries that have a name in the statement, in lower case, and where each begins. */
export type Made = ReadonlyMap<string, number>;

/** What a query reads, in order. `merged`: columns of two of them are one, so that `*` has another order. */
export type Sources = { items: Source[]; merged: boolean };

const isName = (text: string | undefined): boolean => /^(?:[A-Za-z_\u0080-\uffff]|")/.test(text ?? "");

const ends =
  /^(?:where|group|having|window|order|limit|offset|fetch|for|union|intersect|except|returning|when|set|\)|;)$/;
const joins = /^(?:natural|inner|left|right|full|outer|cross|join)$/;
const noAlias = /^(?:on|using|tablesample|with|as)$/;

export const lower = (token: Token | undefined): string => token?.text.toLowerCase() ?? "";

/** The place behind the parenthesis that closes the one at `open`. */
export function afterClosing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    if (tokens[at]!.text === "(") depth += 1;
    if (tokens[at]!.text === ")") depth -= 1;
    if (depth === 0) return at + 1;
  }
  return tokens.length;
}

/** `shop.notes`, from its first token on. */
export function nameAt(
  tokens: readonly Token[],
  at: number,
): { name: string; last: string; next: number } | undefined {
  if (!isName(tokens[at]?.text)) return undefined;
  const dotted = tokens[at + 1]?.text === "." && isName(tokens[at + 2]?.text);
  const last = tokens[dotted ? at + 2 : at]!.text;
  return { name: dotted ? `${tokens[at]!.text}.${last}` : last, last, next: dotted ? at + 3 : at + 1 };
}

/** Reads the list behind FROM or USING. Undefined for what isn't followed here, which is then left as it is. */
export function readSources(tokens: readonly Token[], begin: number, made: Made): Sources | undefined {
  const sources: Sources = { items: [], merged: false };
  let at = begin;
  while (at < tokens.length) {
    while (/^(?:only|lateral)$/.test(lower(tokens[at]))) at += 1;
    const item = readItem(tokens, at, made);
    if (!item) return undefined;
    sources.items.push(item.source);
    at = item.next;
    const condition = lower(tokens[at]);
    if (condition === "on" && lower(tokens[at + 1]) === "conflict") return sources;
    if (condition === "using") sources.merged = true;
    if (condition === "on" || condition === "using") at = afterCondition(tokens, at + 1);
    if (tokens[at]?.text === ",") {
      at += 1;
      continue;
    }
    if (!joins.test(lower(tokens[at]))) return sources;
    for (; joins.test(lower(tokens[at])); at += 1) if (lower(tokens[at]) === "natural") sources.merged = true;
  }
  return sources;
}

function readItem(
  tokens: readonly Token[],
  at: number,
  made: Made,
): { source: Source; next: number } | undefined {
  let table: string | undefined;
  let body: number | undefined;
  let alias: string | undefined;
  let next: number;
  if (tokens[at]?.text === "(") {
    if (!/^(?:select|with|values|table)$/.test(lower(tokens[at + 1]))) return undefined;
    next = afterClosing(tokens, at);
    body = at + 1;
  } else {
    const named = nameAt(tokens, at);
    if (!named) return undefined;
    ({ next } = named);
    alias = named.last;
    if (tokens[next]?.text === "(") next = afterClosing(tokens, next);
    else {
      body = made.get(named.name.toLowerCase());
      if (body === undefined) table = named.name;
    }
    if (tokens[next]?.text === "*") next += 1;
    if (lower(tokens[next]) === "with" && lower(tokens[next + 1]) === "ordinality") next += 2;
  }
  const given = lower(tokens[next]) === "as" ? next + 1 : next;
  const word = lower(tokens[given]);
  if (isName(tokens[given]?.text) && !ends.test(word) && !joins.test(word) && !noAlias.test(word)) {
    alias = tokens[given]!.text;
    next = given + 1;
    // Columns that are called otherwise here.
    if (tokens[next]?.text === "(") {
      if (table !== undefined) return undefined;
      next = afterClosing(tokens, next);
    }
  }
  if (lower(tokens[next]) === "tablesample" || alias === undefined) return undefined;
  return { source: { alias, table, body }, next };
}

function afterCondition(tokens: readonly Token[], begin: number): number {
  let at = begin;
  while (at < tokens.length) {
    const { text } = tokens[at]!;
    if (text === "(") {
      at = afterClosing(tokens, at);
      continue;
    }
    if (text === "," || ends.test(lower(tokens[at])) || joins.test(lower(tokens[at]))) return at;
    if (lower(tokens[at]) === "on" && lower(tokens[at + 1]) === "conflict") return at;
    at += 1;
  }
  return at;
}
