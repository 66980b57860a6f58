import type { Token } from "../tokens.ts";
import { afterClosing, lower, type Source, type Sources } from "./from-list.ts";

/** The columns of a table that its application knows of, in order, and whether the hidden one comes after them all. */
export type Columns = { names: readonly string[]; hiddenLast: boolean };
export type ColumnsOf = (table: string) => Columns | undefined;

/** A star that stands for columns, from its first token on: of one source by its name, or of all that its query reads. */
export type Star = {
  at: number;
  length: number;
  of: string | undefined;
  sources: Sources;
  /** `TABLE notes`, where the word stands. */
  isTable: boolean;
};

export function itemsOf(of: string | undefined, { items }: Sources): Source[] {
  return of === undefined ? items : items.filter(({ alias }) => alias.toLowerCase() === of.toLowerCase());
}

type Reading = {
  tokens: readonly Token[];
  stars: readonly Star[];
  columnsOf: ColumnsOf;
  /** The queries that are being counted. */
  within?: readonly number[];
};

/** How many columns a query has that begins here; undefined when that can't be told. */
export function countOf(reading: Reading, begin: number): number | undefined {
  // A query that is made of itself has to say elsewhere how many.
  if (reading.within?.includes(begin)) return undefined;
  return countWithin({ ...reading, within: [...(reading.within ?? []), begin] }, begin);
}

function countWithin(reading: Reading, begin: number): number | undefined {
  const { tokens, stars } = reading;
  let at = begin;
  while (tokens[at]?.text === "(") at += 1;
  if (lower(tokens[at]) === "overriding") at += 3;
  const head = lower(tokens[at]);
  if (head === "table")
    return starCount(
      reading,
      stars.find((star) => star.at === at),
    );
  if (head === "values") return listCount(reading, at + 2, false);
  if (head === "select") return listCount(reading, at + 1, true);
  if (!/^(?:insert|update|delete)$/.test(head)) return undefined;
  for (; at < tokens.length && tokens[at]!.text !== ")"; at += 1) {
    if (tokens[at]!.text === "(") at = afterClosing(tokens, at) - 1;
    else if (lower(tokens[at]) === "returning") return listCount(reading, at + 1, true);
  }
  return undefined;
}

function listCount(reading: Reading, begin: number, isQuery: boolean): number | undefined {
  const { tokens, stars } = reading;
  let count = 1;
  for (let at = begin; at < tokens.length; at += 1) {
    const { text } = tokens[at]!;
    const star = stars.find((each) => each.at === at);
    if (star) {
      const columns = starCount(reading, star);
      if (columns === undefined) return undefined;
      count += columns - 1;
      at += star.length - 1;
    } else if (text === "*" && /^(?:select|,|\.)$/.test(lower(tokens[at - 1]))) return undefined;
    else if (text === "(") at = afterClosing(tokens, at) - 1;
    else if (text === "[") while (at < tokens.length && tokens[at]!.text !== "]") at += 1;
    else if (text === ",") count += 1;
    else if (text === ")" || text === ";" || (isQuery && isOver(tokens, at))) break;
  }
  return count;
}

function starCount(reading: Reading, star: Star | undefined): number | undefined {
  if (!star) return undefined;
  const counts = itemsOf(star.of, star.sources).map(({ table, body }) => {
    if (table !== undefined) return reading.columnsOf(table)?.names.length;
    return body === undefined ? undefined : countOf(reading, body);
  });
  if (counts.length === 0 || counts.includes(undefined)) return undefined;
  return counts.reduce((sum: number, each) => sum + each!, 0);
}

const isOver = (tokens: readonly Token[], at: number): boolean =>
  /^(?:from|where|union|intersect|except|order|limit|group|on|returning)$/.test(lower(tokens[at])) &&
  lower(tokens[at - 1]) !== "distinct";
