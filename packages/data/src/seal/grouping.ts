import { LRUCache } from "lru-cache";
import pg from "pg";
import { type Token, tokensOf } from "./tokens.ts";

/**
 * PostgreSQL lets a statement that groups by a table's primary key name the table's other columns. At the level `shared` the
 * hidden column is part of that key, and the statement doesn't name it. Which column of which table is missed stands in
 * PostgreSQL's own refusal, before anything is run: so that table's hidden column joins the list, and the statement is sent
 * again. It passes only when the rest of the key is in the list, so groups stay what they were.
 */
const groups = /\bgroup\s+by\b/i;
const longest = 20_000;
const most = 8;

/** By database and text: as it has to be sent, once that is known. */
const known = new LRUCache<string, string>({
  max: 2_000,
  maxSize: 4_000_000,
  sizeCalculation: (value, key) => value.length + key.length + 1,
});

export type Grouping = {
  /** The text to send now. */
  readonly text: string;
  /** Whether the server may refuse it in a way that `again` helps with. */
  readonly doubtful: boolean;
  /** The text to send after this error; undefined when it is the statement's own. */
  again(error: unknown): string | undefined;
  /** The server has taken the text that was sent last. */
  taken(): void;
};

/** Follows one statement through its attempts. */
export function groupingOf(databaseId: string, original: string): Grouping | undefined {
  if (!groups.test(original)) return undefined;
  const key = `${databaseId} ${original}`;
  const found = known.get(key);
  let text = found ?? original;
  let attempts = 0;
  return {
    text,
    doubtful: found === undefined,
    again(error) {
      attempts += 1;
      const next = attempts > most ? undefined : withKey(text, error);
      if (next !== undefined) text = next;
      return next;
    },
    taken() {
      if (original.length <= longest) known.set(key, text);
    },
  };
}

/** The statement with the hidden column of the table that is missed in the list, of the query that misses it. */
function withKey(text: string, error: unknown): string | undefined {
  if (!(error instanceof pg.DatabaseError) || error.code !== "42803") return undefined;
  const offset = [...text].slice(0, Number(error.position) - 1).join("").length;
  const tokens = tokensOf(text);
  const at = tokens.findIndex((token) => token.offset === offset);
  if (at === -1) return undefined;
  const hidden = `${tableAt(tokens, at) ?? tableIn(error.message)}.tenantry_environment`;
  for (let query = queryAround(tokens, at); query; query = queryAround(tokens, query.begin - 2)) {
    const by = groupBy(tokens, query);
    if (by === undefined) continue;
    const end = by.offset + by.text.length;
    if (text.startsWith(` ${hidden},`, end)) continue;
    return `${text.slice(0, end)} ${hidden},${text.slice(end)}`;
  }
  return undefined;
}

const name = /^(?:[A-Za-z_\u0080-\uffff]|")/;

/** `u` where `u.name` or `u.*` stands, `public.users` where `public.users.name` does. */
function tableAt(tokens: readonly Token[], at: number): string | undefined {
  let last = at;
  while (tokens[last + 1]?.text === "." && name.test(tokens[last]!.text)) last += 2;
  if (last === at) return undefined;
  return tokens
    .slice(at, last - 1)
    .map(({ text }) => text)
    .join("");
}

/** `column "users.name" must appear …`, in any language. */
function tableIn(message: string): string | undefined {
  const table = /["„“«]([^"„“”«»]+)\.[^."„“”«»]+["“”»]/.exec(message)?.[1];
  return table === undefined ? undefined : pg.escapeIdentifier(table);
}

type Query = { begin: number; end: number };

/** The query that a token stands in, without its neighbours in a UNION: between parentheses that hold one, or all of it. */
function queryAround(tokens: readonly Token[], at: number): Query | undefined {
  if (at < 0) return undefined;
  let begin = at;
  let depth = 0;
  for (; begin >= 0; begin -= 1) {
    const word = tokens[begin]!.text.toLowerCase();
    if (word === ")" && begin !== at) depth += 1;
    else if (word === "(" && depth > 0) depth -= 1;
    else if (word === "(" && /^(?:select|with)$/i.test(tokens[begin + 1]?.text ?? "")) break;
    else if (depth === 0 && combines.test(word)) break;
  }
  let end = begin + 1;
  for (depth = 0; end < tokens.length && depth >= 0; end += 1) {
    const word = tokens[end]!.text.toLowerCase();
    if (word === "(") depth += 1;
    else if (word === ")") depth -= 1;
    else if (depth === 0 && combines.test(word)) break;
  }
  return { begin: begin + 1, end };
}

const combines = /^(?:union|intersect|except)$/;

/** The word BY of the query's own list. */
function groupBy(tokens: readonly Token[], { begin, end }: Query): Token | undefined {
  let depth = 0;
  for (let index = begin; index < end; index += 1) {
    const { text } = tokens[index]!;
    if (text === "(") depth += 1;
    else if (text === ")") depth -= 1;
    else if (depth === 0 && /^group$/i.test(text) && /^by$/i.test(tokens[index + 1]?.text ?? ""))
      return tokens[index + 1];
  }
  return undefined;
}
