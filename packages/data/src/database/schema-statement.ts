import { lengthOf, remembered } from "../seal/remembered.ts";
import { type Token, tokensOf } from "../seal/tokens.ts";

const namesPublic = /\bpublic\b/i;
const rewritten = remembered(withoutPublic, { max: 2_000, maxSize: 4_000_000, sizeOf: lengthOf });

/**
 * A statement of an application, for an environment that is a schema: `public.notes` is `notes` there, which the search
 * path leads to the environment's own schema and to no other. Strings are left as they are, but for those that PostgreSQL
 * reads as a name there and then (`'public.notes'::regclass`, `nextval('public.numbers')`), and for the block of a DO. A
 * search path of `public` is the one that the environment has anyway.
 */
export function schemaStatement(text: string): string {
  if (!namesPublic.test(text)) return text;
  return rewritten(text);
}

function withoutPublic(text: string): string {
  const tokens = tokensOf(text);
  const path = ownPath(tokens);
  if (path) return `${text.slice(0, path.offset)}default`;
  if (isCalledPublic(tokens)) return text;
  const isBlock = tokens[0]?.text.toLowerCase() === "do";
  let result = "";
  let copied = 0;
  const replace = (offset: number, length: number, by: string) => {
    result += text.slice(copied, offset) + by;
    copied = offset + length;
  };
  for (const [index, token] of tokens.entries()) {
    const { offset, text: word } = token;
    if (word.startsWith("'") && isName(tokens, index)) {
      replace(offset, word.length, word.replace(/^'(?:"public"|public)\./i, "'"));
    } else if (isBlock && /^\$(?!\d)/.test(word)) {
      replace(offset, word.length, blockWithoutPublic(word));
    } else if (isPublic(token) && tokens[index + 1]?.text === "." && tokens[index - 1]?.text !== ".") {
      const next = tokens[index + 2];
      if (next) replace(offset, next.offset - offset, "");
    }
  }
  return result + text.slice(copied);
}

const isPublic = (token: Token | undefined): boolean =>
  token?.text === '"public"' || token?.text.toLowerCase() === "public";

/** What stands between the signs of `$do$ … $do$`, statement by statement, as its own text. */
function blockWithoutPublic(quoted: string): string {
  const tag = quoted.slice(0, quoted.indexOf("$", 1) + 1);
  if (quoted.length < 2 * tag.length || !quoted.endsWith(tag)) return quoted;
  return `${tag}${withoutPublic(quoted.slice(tag.length, -tag.length))}${tag}`;
}

/** Whether a table or a column bears the name in the statement: `public.id` may mean that one. */
function isCalledPublic(tokens: readonly Token[]): boolean {
  return tokens.some((token, index) => {
    const before = tokens[index - 1]?.text.toLowerCase() ?? "";
    return isPublic(token) && tokens[index + 1]?.text !== "." && !/^(?:to|from|schema|for)$/.test(before);
  });
}

/** Of `SET search_path TO public` the list, when it names no schema but that and PostgreSQL's own. */
function ownPath(tokens: readonly Token[]): Token | undefined {
  const words = tokens.map(({ text }) => text.toLowerCase());
  const at = /^(?:session|local)$/.test(words[1] ?? "") ? 2 : 1;
  if (words[0] !== "set" || words[at] !== "search_path" || !/^(?:to|=)$/.test(words[at + 1] ?? ""))
    return undefined;
  const named = words.slice(at + 2).filter((word) => word !== "," && word !== ";");
  const own = /^["']?(?:public|pg_catalog|pg_temp|\$user)["']?$/;
  return named.length > 0 && named.every((word) => own.test(word)) ? tokens[at + 2] : undefined;
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
