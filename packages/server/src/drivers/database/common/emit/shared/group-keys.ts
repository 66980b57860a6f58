import type { CatalogObject, ConstraintObject, RoutineObject, ViewObject } from "../../catalog/catalog.ts";
import { homeName, tokensOf } from "../home.ts";
import { id, reference } from "../quote.ts";
import { hiddenColumn } from "./hidden-column.ts";
import { significant } from "./routines.ts";

/** The columns of tables' primary keys, by the table as it is referred to. */
export type PrimaryKeys = ReadonlyMap<string, readonly string[]>;

export function primaryKeys(objects: readonly CatalogObject[]): PrimaryKeys {
  const keys = objects.filter(
    (object): object is ConstraintObject => object.kind === "constraint" && object.type === "primary",
  );
  return new Map(keys.map(({ table, columns }) => [reference(table), columns]));
}

/** Whether a definition relies on a key by a list in which the rest of it isn't found. */
export function lacksKey(object: ViewObject | RoutineObject, keys: PrimaryKeys): boolean {
  if (!object.reliesOnKey) return false;
  const text = "definition" in object ? object.definition : object.header;
  return withGroupedKeys(text, keys) === text;
}

/**
 * A query that groups by a table's primary key may name all its columns, and that key has the hidden column now: it joins
 * every GROUP BY that has the rest of a key. It is the same in all rows, so groups stay what they were.
 */
export function withGroupedKeys(text: string, keys: PrimaryKeys): string {
  if (!/\bgroup\s+by\b/i.test(text)) return text;
  const parts = tokensOf(text);
  const words = significant(parts);
  for (let at = 1; at < words.length; at += 1) {
    if (words[at]!.word !== "by" || words[at - 1]!.word !== "group") continue;
    const query = queryAround(words, at);
    const items = itemsAfter(words, parts, at, query.end);
    const added = sourcesOf(words, parts, query.begin, at, keys)
      .filter(({ alias, key }) => key.every((column) => items.some((item) => isColumn(item, alias, column))))
      .map(({ alias }) => `${alias}.${id(hiddenColumn)}, `);
    if (added.length > 0) parts[words[at]!.index] += ` ${added.join("").slice(0, -1)}`;
  }
  return parts.join("");
}

type Words = readonly { word: string; index: number }[];

/** From the query's SELECT to its end, as far as parentheses and set operations reach. */
function queryAround(words: Words, at: number): { begin: number; end: number } {
  let begin = at;
  for (let depth = 0; begin > 0; begin -= 1) {
    const { word } = words[begin]!;
    if (word === ")") depth += 1;
    if (word === "(") depth -= 1;
    if (depth < 0 || (depth === 0 && word === "select")) break;
  }
  let end = at;
  for (let depth = 0; end < words.length; end += 1) {
    const { word } = words[end]!;
    if (word === "(") depth += 1;
    if (word === ")") depth -= 1;
    if (
      depth < 0 ||
      (depth === 0 &&
        /^(having|window|order|limit|offset|fetch|for|union|intersect|except|;|loop)$/.test(word))
    )
      break;
  }
  return { begin, end };
}

/** The list's items that are names and nothing else, as their parts. */
function itemsAfter(words: Words, parts: readonly string[], by: number, end: number): string[][] {
  const items: string[][] = [[]];
  let depth = 0;
  for (const { word, index } of words.slice(by + 1, end)) {
    if (word === "(") depth += 1;
    if (word === ")") depth -= 1;
    if (word === "," && depth === 0) items.push([]);
    else items.at(-1)!.push(parts[index]!);
  }
  return items.map((item) => item.filter((part) => part !== ".").map(plain));
}

const plain = (token: string): string =>
  token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token.toLowerCase();

function isColumn(item: readonly string[], alias: string, column: string): boolean {
  const table = alias.split(".").map(plain).at(-1);
  return item.at(-1) === column && (item.length === 1 || item.at(-2) === table);
}

type Source = { alias: string; key: readonly string[] };

const joins = /^(from|join|,|\(|only|lateral)$/;
const noAlias =
  /^(on|using|join|left|right|inner|full|cross|natural|where|group|tablesample|having|window|order|limit|as|\)|\(|,|;)$/;

/** Tables with a key that a query reads, as they are called in it. */
function sourcesOf(
  words: Words,
  parts: readonly string[],
  begin: number,
  end: number,
  keys: PrimaryKeys,
): Source[] {
  const found: Source[] = [];
  let inFrom = false;
  let skipped = 0;
  for (let at = begin; at < end; at += 1) {
    const { word } = words[at]!;
    // Queries of their own, and functions' arguments, say nothing about this one's tables.
    if (skipped > 0 || (word === "(" && /^(select|with|values)$/.test(words[at + 1]?.word ?? ""))) {
      skipped += word === "(" ? 1 : word === ")" ? -1 : 0;
      continue;
    }
    if (word === "from") inFrom = true;
    if (word === "where") inFrom = false;
    if (!inFrom || !joins.test(word)) continue;
    const dotted = words[at + 2]?.word === ".";
    const last = dotted ? at + 3 : at + 1;
    const name = parts[words[last]?.index ?? -1];
    if (name === undefined || !/^["\p{L}_]/u.test(name)) continue;
    const schema = dotted ? plain(parts[words[at + 1]!.index]!) : homeName;
    const key = keys.get(reference({ schema: schema === homeName ? undefined : schema, name: plain(name) }));
    if (!key) continue;
    const next = words[last + 1]?.word === "as" ? last + 2 : last + 1;
    const alias = parts[words[next]?.index ?? -1];
    const isAlias = alias !== undefined && !noAlias.test(alias.toLowerCase()) && /^["\p{L}_]/u.test(alias);
    found.push({ alias: isAlias ? alias : name, key });
  }
  return found;
}
