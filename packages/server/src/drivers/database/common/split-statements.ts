/** One statement of a file: its text without the semicolon, and where its first word stands (UTF-16 units). */
export type Statement = {
  text: string;
  offset: number;
  /** What follows `COPY … FROM stdin;` up to the line `\.`: each line a row. */
  rows?: { text: string; offset: number };
  /** It isn't what the file says at that place, so that a position within it tells nothing. */
  rewritten?: true;
};

type Scan = { text: string; at: number; parentheses: number; atomicDepth: number; words: string[] };

/**
 * Splits a file of SQL at its semicolons as psql does: not within quotes, dollar quotes, comments, parentheses or the
 * `begin atomic … end` of a function. Comments before a statement don't belong to it, and neither do the rows after
 * `COPY … FROM stdin`. `\restrict`, which dumps put around everything, is for psql alone.
 */
export function splitStatements(text: string): Statement[] {
  const statements: Statement[] = [];
  for (let from = 0; from < text.length; ) {
    const { statement, end, isEnded } = nextStatement(text, from);
    from = end;
    if (!statement) continue;
    if (!isEnded) statements.push({ ...statement, text: statement.text.trimEnd() });
    else {
      const taken = takeRows(text, statement, end);
      statements.push({ ...statement, ...(taken && { rows: taken.rows }) });
      from = taken?.end ?? end;
    }
  }
  return statements;
}

/**
 * The first statement from `from` on, and where the next may begin: behind its semicolon, or at the end of the text when
 * there is none (`isEnded` false), where what follows may belong to it. No statement: nothing but blanks and a semicolon.
 */
export function nextStatement(
  text: string,
  from: number,
): { statement: Pick<Statement, "text" | "offset"> | undefined; end: number; isEnded: boolean } {
  const scan: Scan = { text, at: from, parentheses: 0, atomicDepth: 0, words: [] };
  let start: number | undefined;
  while (scan.at < text.length) {
    if (start === undefined && take(scan, restriction) !== undefined) continue;
    const before = scan.at;
    const kind = advance(scan);
    if (kind === "blank") continue;
    if (kind === "end") {
      const statement = start === undefined ? undefined : { text: text.slice(start, before), offset: start };
      return { statement, end: scan.at, isEnded: true };
    }
    start ??= before;
  }
  const rest = start === undefined ? undefined : { text: text.slice(start), offset: start };
  return { statement: rest, end: text.length, isEnded: false };
}

/** What of a text is code, and what is quoted: without comments and blanks, each piece with where it stands. */
export function* piecesOf(text: string): Generator<{ text: string; offset: number; isQuoted: boolean }> {
  const scan: Scan = { text, at: 0, parentheses: 0, atomicDepth: 0, words: [] };
  while (scan.at < text.length) {
    const offset = scan.at;
    if (advance(scan) === "blank") continue;
    const piece = text.slice(offset, scan.at);
    yield { text: piece, offset, isQuoted: /^(?:[eE]?'|"|\$[^$]*\$)/.test(piece) };
  }
}

const restriction = /\\(?:un)?restrict\b[^\n]*/y;
const copying = /^copy\s[\s\S]*\sfrom\s+stdin\b/i;

/** Whether a statement is a COPY whose rows follow it. */
export const isCopyFromInput = (statement: string): boolean => copying.test(statement.slice(0, 10_000));

/** What COPY reads from the file itself, and where that ends; nothing where no line says that it does. */
function takeRows(text: string, statement: Pick<Statement, "text">, from: number) {
  if (!isCopyFromInput(statement.text)) return undefined;
  const offset = text.indexOf("\n", from) + 1;
  const last = /^\\\.\r?$/m.exec(text.slice(offset));
  if (offset === 0 || !last) return undefined;
  const rows = { text: text.slice(offset, offset + last.index), offset };
  return { rows, end: offset + last.index + last[0].length };
}

const blank = /\s+|--[^\n\r]*/y;
const word = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
// Loops over one class of letters each: they need no memory for each letter, of which there may be millions.
const plainString = /'[^']*(?:''[^']*)*(?:'|$)/y;
const escapeString = /[eE]'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*(?:'|$)/y;
const quotedName = /"[^"]*(?:""[^"]*)*(?:"|$)/y;
const number = /\d[\w.]*/y;

/** Moves past one token and says what it was. */
function advance(scan: Scan): "blank" | "end" | "token" {
  const { text } = scan;
  if (take(scan, blank) !== undefined) return "blank";
  if (text.startsWith("/*", scan.at)) {
    skipComment(scan);
    return "blank";
  }
  if (take(scan, escapeString) ?? take(scan, plainString) ?? take(scan, quotedName)) return "token";
  const tag = take(scan, dollarTag);
  if (tag !== undefined) {
    const end = text.indexOf(tag, scan.at);
    scan.at = end === -1 ? text.length : end + tag.length;
    return "token";
  }
  const name = take(scan, word);
  if (name !== undefined) {
    noteWord(scan, name.toLowerCase());
    return "token";
  }
  if (take(scan, number) !== undefined) return "token";
  return takeCharacter(scan);
}

function takeCharacter(scan: Scan): "end" | "token" {
  const character = scan.text[scan.at];
  scan.at += 1;
  if (character === "(") scan.parentheses += 1;
  else if (character === ")") scan.parentheses = Math.max(0, scan.parentheses - 1);
  else if (character === ";" && scan.parentheses === 0 && scan.atomicDepth === 0) return "end";
  return "token";
}

function take(scan: Scan, pattern: RegExp): string | undefined {
  pattern.lastIndex = scan.at;
  const match = pattern.exec(scan.text)?.[0];
  if (match !== undefined) scan.at += match.length;
  return match;
}

/** Comments nest in SQL. */
function skipComment(scan: Scan): void {
  let depth = 0;
  do {
    if (scan.text.startsWith("/*", scan.at)) {
      depth += 1;
      scan.at += 2;
    } else if (scan.text.startsWith("*/", scan.at)) {
      depth -= 1;
      scan.at += 2;
    } else scan.at += 1;
  } while (depth > 0 && scan.at < scan.text.length);
}

/** Semicolons between `begin` and `end` of a new function belong to its body; `case` has an `end` of its own. */
function noteWord(scan: Scan, name: string): void {
  if (scan.words.length < 4) scan.words.push(name);
  const makesRoutine =
    scan.words[0] === "create" && scan.words.some((part) => part === "function" || part === "procedure");
  if (!makesRoutine || scan.parentheses > 0) return;
  if (name === "begin" || (name === "case" && scan.atomicDepth > 0)) scan.atomicDepth += 1;
  else if (name === "end" && scan.atomicDepth > 0) scan.atomicDepth -= 1;
}

/** The words that a statement begins with, in lower case, for deciding what it is. */
export function firstWords(statement: Statement, count: number): string[] {
  const found: string[] = [];
  const scan: Scan = { text: statement.text, at: 0, parentheses: 0, atomicDepth: 0, words: [] };
  while (scan.at < statement.text.length && found.length < count) {
    const before = scan.at;
    if (advance(scan) === "blank") continue;
    found.push(statement.text.slice(before, scan.at).toLowerCase());
  }
  return found;
}
