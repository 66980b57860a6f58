import { LRUCache } from "lru-cache";
import { tokensOf } from "../seal/tokens.ts";

const namesPublic = /\bpublic\b/i;
const cacheable = 20_000;
const rewritten = new LRUCache<string, string>({
  max: 2_000,
  maxSize: 4_000_000,
  sizeCalculation: (value, key) => value.length + key.length + 1,
});

/**
 * A statement of an application, for an environment that is a schema: `public.notes` is `notes` there, which the search
 * path leads to the environment's own schema and to no other. Strings are left as they are, also those that name a
 * table (`'public.notes'::regclass`).
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
    const isPublic = token.text === '"public"' || token.text.toLowerCase() === "public";
    const next = tokens[index + 2];
    if (!isPublic || next === undefined) continue;
    if (tokens[index + 1]!.text !== "." || tokens[index - 1]?.text === ".") continue;
    result += text.slice(copied, token.offset);
    copied = next.offset;
  }
  return result + text.slice(copied);
}
