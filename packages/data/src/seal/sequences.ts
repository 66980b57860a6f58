import pg from "pg";
import { lengthOf, remembered } from "./remembered.ts";
import { type Token, tokensOf } from "./tokens.ts";

const names = /\bnextval\b/i;
const rewritten = remembered(withCounters, { max: 500, maxSize: 1_000_000, sizeOf: lengthOf });

/**
 * A statement of an application for a database in which each environment counts by itself: `nextval('invoices')` is the
 * next number of that counter. A sequence that isn't named by a string between the parentheses is left as it is, and the
 * server says that there is none.
 */
export function countedStatement(text: string): string {
  if (typeof text !== "string" || !names.test(text)) return text;
  return rewritten(text);
}

function withCounters(text: string): string {
  const tokens = tokensOf(text);
  let result = "";
  let copied = 0;
  for (let index = 0; index < tokens.length; index += 1) {
    const call = callAt(tokens, index);
    if (!call) continue;
    result += `${text.slice(copied, tokens[index]!.offset)}tenantry.next_number(${call.counter})`;
    copied = tokens[call.last]!.offset + 1;
    index = call.last;
  }
  return result + text.slice(copied);
}

const word = (token: Token | undefined): string => token?.text.toLowerCase() ?? "";

/** `nextval('name')` and `pg_catalog.nextval('name'::regclass)`, from its first token on. */
function callAt(tokens: readonly Token[], begin: number): { counter: string; last: number } | undefined {
  let at = begin;
  if (word(tokens[at]) === "pg_catalog" && word(tokens[at + 1]) === ".") at += 2;
  else if (word(tokens[at - 1]) === ".") return undefined;
  const name = tokens[at + 2]?.text;
  if (word(tokens[at]) !== "nextval" || word(tokens[at + 1]) !== "(" || !name?.startsWith("'"))
    return undefined;
  at += 3;
  if (word(tokens[at]) === ":" && word(tokens[at + 1]) === ":") at += 3;
  return word(tokens[at]) === ")" ? { counter: counterOf(name), last: at } : undefined;
}

/** Counters are called as sequences are named from the application's schema, with quotes. */
function counterOf(literal: string): string {
  const name = literal.slice(1, -1).replaceAll("''", "'");
  const parts = (name.match(/"(?:[^"]|"")*"|[^.]+/g) ?? [name]).map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.trim().toLowerCase(),
  );
  if (parts.length > 1 && parts[0] === "public") parts.shift();
  return pg.escapeLiteral(parts.map((part) => pg.escapeIdentifier(part)).join("."));
}
