/** Rows of `COPY … FROM stdin` as its text form has them. */

const escapes: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** The fields of one line; null for `\N`. */
export function fieldsOfLine(line: string): (string | null)[] {
  return line.split("\t").map((field) => (field === "\\N" ? null : unescaped(field)));
}

function unescaped(field: string): string {
  if (!field.includes("\\")) return field;
  return field.replace(
    /\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|([\s\S]))/g,
    (_whole, octal?: string, hex?: string, letter?: string) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      return escapes[letter!] ?? letter!;
    },
  );
}

/** Into which columns of which table a `COPY … FROM stdin` writes, as the statement names them. */
export type CopyTarget = { table: string; columns: string; width: number };

const name = String.raw`(?:"(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`;
const form = new RegExp(
  String.raw`^copy\s+(?:public\s*\.\s*)?(${name}(?:\s*\.\s*${name})?)\s*\(\s*(${name}(?:\s*,\s*${name})*)\s*\)\s+from\s+stdin` +
    String.raw`(?:\s+with)?(?:\s*\(\s*format\s+'?text'?\s*\))?\s*$`,
  "i",
);

/** Undefined for a form of COPY that isn't read here: another format, no columns. */
export function copyTarget(statement: string): CopyTarget | undefined {
  const match = form.exec(statement);
  if (!match) return undefined;
  const columns = match[2]!;
  const width = columns.match(new RegExp(name, "g"))!.length;
  return { table: match[1]!, columns, width };
}
