import { id } from "./quote.ts";

/** The application's home schema in its migrations and statements. */
export const homeName = "public";

const tokens =
  /--[^\n]*|\/\*[\s\S]*?\*\/|[eE]?'(?:[^']|'')*'|"(?:[^"]|"")*"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\s+|[\s\S]/g;

/** Splits a body into comments, strings, quoted names, words, blanks and single characters. */
export function tokensOf(body: string): string[] {
  return body.match(tokens) ?? [];
}

/**
 * Puts another schema's name where a body says `public.something`: the first of the path when the application made the
 * thing, else the last. Strings and comments stay as they are.
 */
export function renameHome(body: string, path: readonly string[], isOwn: (name: string) => boolean): string {
  const parts = tokensOf(body);
  return parts
    .map((part, index) => {
      const names = part.toLowerCase() === homeName || part === `"${homeName}"`;
      if (!names || parts[index + 1] !== "." || parts[index - 1] === ".") return part;
      const place = isOwn(nameOf(parts[index + 2] ?? "")) ? path[0]! : path.at(-1)!;
      return place === homeName ? part : id(place);
    })
    .join("");
}

const nameOf = (token: string): string =>
  token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token.toLowerCase();

/** Whether a string within a body names the home schema: a statement put together at run time. */
export function namesHomeInStrings(body: string): boolean {
  return tokensOf(body).some((part) => part.startsWith("'") && /\bpublic\s*\./i.test(part));
}

/** A function's `search_path` with another home. Other settings stay as they are. */
export function settingWithHome(setting: string, path: readonly string[]): string {
  if (!setting.startsWith("search_path=")) return setting;
  const names = setting.slice("search_path=".length).match(/"(?:[^"]|"")*"|[^,\s]+/g) ?? [];
  const placed = names.flatMap((name) => (/^"?public"?$/i.test(name) ? path.map(id) : [name]));
  return `search_path=${placed.join(", ")}`;
}
