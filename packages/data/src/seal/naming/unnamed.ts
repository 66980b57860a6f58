import pg from "pg";
import { remembered } from "../remembered.ts";
import { type Token, tokensOf } from "../tokens.ts";
import { type ColumnsOf, countOf, itemsOf, type Star } from "./count.ts";
import { afterClosing, lower, type Made, nameAt, readSources, type Sources } from "./from-list.ts";

export type Unnamed = {
  /** Tables whose columns have to be known, as the statement names them. */
  tables: string[];
  /** The statement with columns where it had none. */
  named(columnsOf: ColumnsOf): string;
};

/** What is put in the place of some of the text. */
type Change = { offset: number; length: number; by: string };

/**
 * A statement that counts on how many columns a table has, or on their order, without naming them: INSERT without a list,
 * `*` beside other queries in a UNION. The hidden column is one more, and isn't the last where a later migration added a
 * column. Undefined for statements that don't; what isn't followed here is left as it is.
 */
export function unnamedIn(text: string): Unnamed | undefined {
  const combines = /\b(?:union|intersect|except)\b/i.test(text) && /\*|\btable\b/i.test(text);
  if (!combines && !/\binsert\s+into\b/i.test(text)) return undefined;
  return followed(text);
}

const followed = remembered(follow, {
  max: 2_000,
  maxSize: 4_000_000,
  // What is kept of a text that has to be completed are its tokens.
  sizeOf: (unnamed, text) => (unnamed ? text.length * 20 : 0),
});

function follow(text: string): Unnamed | undefined {
  const tokens = tokensOf(text);
  const inserts = tokens.flatMap((_token, at) => insertAt(tokens, at) ?? []);
  const made = queriesByName(tokens);
  const depths = depthsOf(tokens);
  const answered = tokens.findIndex((token, at) => depths[at] === 0 && lower(token) === "returning");
  const stars = tokens.flatMap((_token, at) => {
    // What a statement answers in the end has the hidden column taken out anyway.
    const isAnswer = answered !== -1 && at > answered;
    return isAnswer ? [] : (starAt(tokens, at, made) ?? []);
  });
  if (inserts.length === 0 && stars.length === 0) return undefined;
  const wanted = [
    ...inserts.map(({ table }) => table),
    ...stars.flatMap(({ sources }) => sources.items.map(({ table }) => table)),
  ];
  const tables = [...new Set(wanted.filter((table) => table !== undefined))];
  if (tables.length === 0) return undefined;
  return {
    tables,
    named(columnsOf) {
      const changes: Change[] = [];
      for (const star of stars) changes.push(...expanded(tokens, star, columnsOf));
      for (const insert of inserts) changes.push(...listed(tokens, insert, stars, columnsOf));
      return changed(text, changes);
    },
  };
}

function changed(text: string, changes: readonly Change[]): string {
  let result = "";
  let copied = 0;
  for (const { offset, length, by } of changes.toSorted((one, other) => one.offset - other.offset)) {
    result += text.slice(copied, offset) + by;
    copied = offset + length;
  }
  return result + text.slice(copied);
}

/** Queries of a WITH list by their names, which are no tables whatever tables are called so, and where each begins. */
function queriesByName(tokens: readonly Token[]): Made {
  const found = new Map<string, number>();
  for (let at = 1; at < tokens.length; at += 1) {
    if (lower(tokens[at]) !== "as") continue;
    let open = at + 1;
    if (lower(tokens[open]) === "not") open += 1;
    if (lower(tokens[open]) === "materialized") open += 1;
    if (tokens[open]?.text !== "(") continue;
    if (!/^(?:select|with|values|table|insert|update|delete|merge|\()$/.test(lower(tokens[open + 1])))
      continue;
    let name = at - 1;
    if (tokens[name]!.text === ")") while (name > 0 && tokens[name]!.text !== "(") name -= 1;
    if (tokens[at - 1]!.text === ")") name -= 1;
    if (/^(?:with|recursive|,)$/.test(lower(tokens[name - 1]))) found.set(lower(tokens[name]), open + 1);
  }
  return found;
}

type Insert = { table: string /** The last token before where a list would stand. */; last: number };

/** INSERT without a list of columns. */
function insertAt(tokens: readonly Token[], at: number): Insert[] | undefined {
  if (lower(tokens[at]) !== "insert" || lower(tokens[at + 1]) !== "into") return undefined;
  const named = nameAt(tokens, at + 2);
  if (!named) return undefined;
  const next = lower(tokens[named.next]) === "as" ? named.next + 2 : named.next;
  const opening = tokens[next]?.text === "(" ? lower(tokens[next + 1]) : lower(tokens[next]);
  if (!/^(?:values|select|with|overriding|table|\()$/.test(opening)) return undefined;
  return [{ table: named.name, last: next - 1 }];
}

/** A star that stands for columns, or `TABLE notes`, with what its query reads. */
function starAt(tokens: readonly Token[], at: number, made: Made): Star[] | undefined {
  const before = lower(tokens[at - 1]);
  if (lower(tokens[at]) === "table") {
    const named = nameAt(tokens, at + 1);
    if (!named || made.has(named.name.toLowerCase())) return undefined;
    const sources = { items: [{ alias: named.last, table: named.name, body: undefined }], merged: false };
    return [{ at, length: 1, of: undefined, sources, isTable: true }];
  }
  if (tokens[at]!.text !== "*") return undefined;
  const isQualified = before === ".";
  const isLast = /^(?:|from|,|\)|;|union|intersect|except)$/.test(lower(tokens[at + 1]));
  if (!isQualified && !(isLast && before !== "(")) return undefined;
  const sources = sourcesOf(tokens, at, made);
  if (!sources) return undefined;
  if (isQualified) {
    const length = tokens[at - 3]?.text === "." ? 5 : 3;
    return [{ at: at - length + 1, length, of: tokens[at - 2]!.text, sources, isTable: false }];
  }
  return sources.merged ? undefined : [{ at, length: 1, of: undefined, sources, isTable: false }];
}

/** How many parentheses are open before each token. */
function depthsOf(tokens: readonly Token[]): number[] {
  let depth = 0;
  return tokens.map(({ text }) => {
    const here = depth;
    if (text === "(") depth += 1;
    if (text === ")") depth -= 1;
    return here;
  });
}

/** What a star is about: what stands behind its query's FROM, or the table whose rows it returns. */
function sourcesOf(tokens: readonly Token[], star: number, made: Made): Sources | undefined {
  for (let at = star + 1; at < tokens.length; at += 1) {
    if (tokens[at]!.text === "(") at = afterClosing(tokens, at) - 1;
    else if (lower(tokens[at]) === "from") return readSources(tokens, at + 1, made);
    else if (/^(?:\)|;|union|intersect|except|where)$/.test(lower(tokens[at]))) break;
  }
  let depth = 0;
  let other = false;
  for (let at = star - 1; at >= 0; at -= 1) {
    const word = lower(tokens[at]);
    if (word === ")") depth += 1;
    if (word === "(") depth -= 1;
    if (depth < 0) return undefined;
    if (depth > 0) continue;
    if (word === "using" || (word === "from" && lower(tokens[at - 1]) !== "delete")) other = true;
    if (word === "select") return undefined;
    if (!/^(?:insert|update|delete)$/.test(word) || /^(?:do|for|then|on)$/.test(lower(tokens[at - 1])))
      continue;
    if (other) return undefined;
    if (word !== "insert") return readSources(tokens, word === "update" ? at + 1 : at + 2, made);
    const target = nameAt(tokens, at + 2);
    if (!target) return undefined;
    const alias = lower(tokens[target.next]) === "as" ? tokens[target.next + 1]!.text : target.last;
    return { items: [{ alias, table: target.name, body: undefined }], merged: false };
  }
  return undefined;
}

function expanded(
  tokens: readonly Token[],
  { at, length, of, sources, isTable }: Star,
  columnsOf: ColumnsOf,
): Change[] {
  const known = itemsOf(of, sources).map(({ alias, table }) => ({
    alias,
    columns: table === undefined ? undefined : columnsOf(table)?.names,
  }));
  if (!known.some(({ columns }) => columns)) return [];
  const list = known
    .map(
      ({ alias, columns }) =>
        columns?.map((name) => `${alias}.${pg.escapeIdentifier(name)}`).join(", ") ?? `${alias}.*`,
    )
    .join(", ");
  const [first, last] = [tokens[at]!, tokens[at + length - 1]!];
  const by = isTable ? `select ${list} from` : list;
  return [{ offset: first.offset, length: last.offset + last.text.length - first.offset, by }];
}

/** As many of the table's columns as there are values. */
function listed(
  tokens: readonly Token[],
  { table, last }: Insert,
  stars: readonly Star[],
  columnsOf: ColumnsOf,
): Change[] {
  const columns = columnsOf(table);
  if (!columns) return [];
  const count = countOf({ tokens, stars, columnsOf }, last + 1);
  if (count === undefined && columns.hiddenLast) return [];
  const { offset, text } = tokens[last]!;
  const list = columns.names.slice(0, count).map(pg.escapeIdentifier).join(", ");
  return [{ offset: offset + text.length, length: 0, by: ` (${list})` }];
}
