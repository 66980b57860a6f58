export type Token = { text: string; offset: number };

const blank = /(?:\s|--[^\n\r]*)+/y;
const parts = [
  /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y,
  /"(?:[^"]|"")*(?:"|$)/y,
  /'(?:[^']|'')*(?:'|$)/y,
  /\d[\w.]*/y,
];
const escapeString = /[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)/y;
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;

/** A statement's words, names, strings and signs, as PostgreSQL's lexer splits them, without blanks and comments. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  while (at < text.length) {
    const skipped = match(blank)?.length ?? (text.startsWith("/*", at) ? commentLength(text, at) : 0);
    if (skipped > 0) {
      at += skipped;
      continue;
    }
    const found =
      match(escapeString) ?? dollarString(text, at, match(dollarTag)) ?? firstOf(parts, match) ?? text[at]!;
    tokens.push({ text: found, offset: at });
    at += found.length;
  }
  return tokens;
}

function firstOf(
  patterns: readonly RegExp[],
  match: (pattern: RegExp) => string | undefined,
): string | undefined {
  for (const pattern of patterns) {
    const found = match(pattern);
    if (found !== undefined) return found;
  }
  return undefined;
}

function dollarString(text: string, at: number, tag: string | undefined): string | undefined {
  if (tag === undefined) return undefined;
  const end = text.indexOf(tag, at + tag.length);
  return text.slice(at, end === -1 ? text.length : end + tag.length);
}

/** Comments nest in SQL. */
function commentLength(text: string, start: number): number {
  let [at, depth] = [start, 0];
  do {
    if (text.startsWith("/*", at)) depth += 1;
    else if (text.startsWith("*/", at)) depth -= 1;
    else {
      at += 1;
      continue;
    }
    at += 2;
  } while (depth > 0 && at < text.length);
  return at - start;
}
