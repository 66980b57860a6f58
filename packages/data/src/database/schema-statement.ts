import { LRUCache } from "lru-cache";
import { type Token, tokensOf } from "../seal/tokens.ts";

const namesPublic = /\bpublic\b/i;
const cacheable = 20_000;
const rewritten = new LRUCache<string, string>({
  max: 2_000,
  maxSize: 4_000_000,
  sizeCalculation: (value, key) => value.length + key.length + 1,
});

/**
 * A statement of an application, for an environment that is a schema: `public.notes` is `notes` there, which the search
 * path leads to the environment's own schema and to no other. Strings are left as they are, but for those that PostgreSQL
 * reads as a name there and then: `'public.notes'::regclass`, `nextval('public.numbers')`.
 */
export function schemaStatement(text: string): string {
  if (!namesPublic.test(text)) return text;
  const known = rewritten.get(text);
  if (known !== undefined) return known;
  const result = withoutPublic(text);
  if (text.length <= cacheable) rewritten.set(text, result);
  return result;
}

function withoutPublic(text: string): string {
  const tokens = tokensOf(text);
  let result = "";
  let copied = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.text.startsWith("'") && isName(tokens, index)) {
      const shorter = token.text.replace(/^'(?:"public"|public)\./i, "'");
      result += text.slice(copied, token.offset) + shorter;
      copied = token.offset + token.text.length;
      continue;
    }
    const isPublic = token.text === '"public"' || token.text.toLowerCase() === "public";
    const next = tokens[index + 2];
    if (!isPublic || next === undefined) continue;
    if (tokens[index + 1]!.text !== "." || tokens[index - 1]?.text === ".") continue;
    result += text.slice(copied, token.offset);
    copied = next.offset;
  }
  return result + text.slice(copied);
}

const takesName =
  /^(?:nextval|currval|setval|to_regclass|to_regtype|pg_get_serial_sequence|pg_(?:total_)?relation_size|pg_table_size|pg_indexes_size)$/i;

/** Whether a string is cast to a name, or is the first argument of a function that takes one. */
function isName(tokens: readonly Token[], index: number): boolean {
  const [before, opening] = [tokens[index - 2]?.text, tokens[index - 1]?.text];
  if (opening === "(" && takesName.test(before ?? "")) return true;
  const [first, second, type] = tokens.slice(index + 1, index + 4).map(({ text }) => text);
  return first === ":" && second === ":" && /^reg(?:class|type|proc|procedure)$/i.test(type ?? "");
}
