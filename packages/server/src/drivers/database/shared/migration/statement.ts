import type { TableObject } from "../../common/catalog/catalog.ts";
import type { State } from "../../common/catalog/read-state.ts";
import { tokensOf } from "../../common/emit/home.ts";
import { listOf } from "../../common/emit/quote.ts";
import { withCounters } from "../../common/emit/shared/counters.ts";
import { primaryKeys, withGroupedKeys } from "../../common/emit/shared/group-keys.ts";
import { significant, withCasts, withConflictTargets } from "../../common/emit/shared/routines.ts";
import { firstWords, type Statement } from "../../common/split-statements.ts";

/**
 * What a statement of a migration is about. `rows`: it is run in each environment. `either`: that depends on what it
 * did. `form`: it changes what is there, or nothing. `setting`: it counts for the statements after it.
 */
export type Nature = "rows" | "either" | "form" | "setting" | "impossible";

const natures: { [word: string]: Nature } = {
  ...of("rows", "insert", "update", "delete", "merge"),
  ...of("either", "with", "select", "values", "table", "do", "call", "("),
  ...of("setting", "set", "reset", "show"),
  ...of("impossible", "truncate", "execute", "savepoint", "rollback", "release", "copy"),
};

function of(nature: Nature, ...words: string[]): { [word: string]: Nature } {
  return Object.fromEntries(words.map((word) => [word, nature]));
}

export function natureOf(statement: Statement): Nature {
  const [word = ""] = firstWords(statement, 1);
  if (/^select\s+(pg_catalog\s*\.\s*)?set_config\s*\(/i.test(statement.text)) return "setting";
  return natures[word] ?? "form";
}

export const isBlock = (statement: Statement): boolean => firstWords(statement, 1)[0] === "do";

/** Whether a block that changes the form of things writes rows, too: those belong to the environments. */
export function writesRows(text: string): boolean {
  return /\b(insert\s+into|update\s+(only\s+)?[\w."]+\s+(as\s+\w+\s+)?set|delete\s+from|merge\s+into|truncate)\b/i.test(
    text,
  );
}

/** What a statement about rows says that isn't there where environments count by themselves. */
export function sequenceWords(text: string): string[] {
  const words = significant(tokensOf(withCounters(withCasts(text))));
  const found = words.filter(
    ({ word }, at) => /^(nextval|currval|setval|lastval)$/.test(word) && words[at + 1]?.word === "(",
  );
  return [...new Set(found.map(({ word }) => word))];
}

/** A statement about rows as it is run in an environment, whose tables have the hidden column among theirs. */
export function forEnvironment(text: string, state: State): string {
  const complete = withConflictTargets(withCounters(withCasts(text)));
  const keys = primaryKeys(state.known.map(({ object }) => object));
  return withColumnNames(withGroupedKeys(complete, keys), state);
}

/** `INSERT INTO notes VALUES …` means the columns that there are, in their order. */
function withColumnNames(text: string, state: State): string {
  const parts = tokensOf(text);
  const words = significant(parts);
  for (let at = 0; at < words.length; at += 1) {
    if (words[at]!.word !== "insert" || words[at + 1]?.word !== "into") continue;
    let end = at + 2;
    if (words[end + 1]?.word === ".") end += 2;
    const name = parts[words[end]?.index ?? -1];
    const schema = end > at + 2 ? parts[words[at + 2]!.index] : undefined;
    const table = name === undefined ? undefined : find(state, schema, name);
    let next = end + 1;
    if (words[next]?.word === "as") next += 2;
    const follows = words[next]?.word === "(" ? words[next + 1]?.word : words[next]?.word;
    if (!table || !/^(values|select|with|overriding|table)$/.test(follows ?? "")) continue;
    const columns = table.columns.filter(({ generated }) => !generated).map(({ name: column }) => column);
    const given = countOf(words, next, columns.length);
    parts[words[next - 1]!.index] += ` (${listOf(columns.slice(0, given))})`;
    nameSelected(state, parts, words, words[next]?.word === "(" ? next + 1 : next);
  }
  return parts.join("");
}

type Words = readonly { word: string; index: number }[];

/** `SELECT * FROM notes` means the columns that there are. */
function nameSelected(state: State, parts: string[], words: Words, at: number): void {
  const [select, star, from, name] = words.slice(at, at + 4);
  if (select?.word !== "select" || star?.word !== "*" || from?.word !== "from" || !name) return;
  const dotted = words[at + 4]?.word === ".";
  const last = dotted ? words[at + 5] : name;
  const table = last && find(state, dotted ? parts[name.index] : undefined, parts[last.index]!);
  if (table) parts[star.index] = listOf(table.columns.map((column) => column.name));
}

/** Fewer values than there are columns are for the first ones. */
function countOf(words: Words, at: number, all: number): number {
  const begin = words[at]?.word === "(" ? at + 1 : at;
  const isRow = words[begin]?.word === "values";
  if (!isRow && words[begin]?.word !== "select") return all;
  let depth = 0;
  let count = 1;
  let last = "";
  for (const { word } of words.slice(begin + (isRow ? 2 : 1))) {
    if (word === "(" || word === "[") depth += 1;
    else if (word === ")" || word === "]") depth -= 1;
    else if (depth === 0 && word === ",") count += 1;
    if (depth < 0 || (depth === 0 && !isRow && word === "from")) break;
    if (depth === 0 && !isRow && word === "*" && /^[,.]?$/.test(last)) return all;
    last = word;
  }
  return count;
}

const plain = (token: string): string =>
  token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token.toLowerCase();

function find(state: State, schema: string | undefined, name: string): TableObject | undefined {
  const wanted = schema === undefined || plain(schema) === "public" ? undefined : plain(schema);
  for (const { object } of state.known) {
    if (object.kind === "table" && object.name === plain(name) && object.schema === wanted) return object;
  }
  return undefined;
}

/** `USING …` of a column's new type, in ALTER TABLE. Undefined when it isn't said. */
export function usingOf(text: string, column: string): string | undefined {
  for (const action of actionsOf(text)) {
    const words = significant(action);
    const at = words.findIndex(({ word }) => word === "alter");
    const named = words[at + 1]?.word === "column" ? at + 2 : at + 1;
    if (at === -1 || plain(action[words[named]?.index ?? -1] ?? "") !== column) continue;
    const using = words.find(({ word }, index) => index > named && word === "using");
    if (using)
      return action
        .slice(using.index + 1)
        .join("")
        .trim();
  }
  return undefined;
}

/** The parts between commas that stand outside of parentheses; the first one begins after `ALTER TABLE name`. */
function actionsOf(text: string): string[][] {
  const actions: string[][] = [];
  let action: string[] = [];
  let depth = 0;
  // The statement's own ALTER is none of an action.
  const parts = tokensOf(text);
  const first = parts.findIndex((part) => part.toLowerCase() === "alter");
  for (const part of parts.slice(first + 1)) {
    if (part === "(" || part === "[") depth += 1;
    if (part === ")" || part === "]") depth -= 1;
    if (part === "," && depth === 0) {
      actions.push(action);
      action = [];
    } else action.push(part);
  }
  return [...actions, action];
}
