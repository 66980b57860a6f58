/** Rows in PostgreSQL's text format of COPY, whole ones, as texts; null where there is no value. */
export function readCopyRows(data: Buffer): (string | null)[][] {
  const lines = data.toString("utf8").split("\n");
  // Behind the last line feed.
  lines.pop();
  return lines.map((line) => line.split("\t").map(readField));
}

function readField(field: string): string | null {
  if (!field.includes("\\")) return field;
  if (field === "\\N") return null;
  return field.replace(/\\(.)/g, (_whole, character: string) => escapes[character] ?? character);
}

const escapes: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** One of PostgreSQL's arrays of texts, as it reads them. */
export function arrayLiteral(values: readonly (string | null)[]): string {
  const parts = values.map((value) => (value === null ? "NULL" : `"${quoted(value)}"`));
  return `{${parts.join(",")}}`;
}

const quoted = (value: string): string =>
  /["\\]/.test(value) ? value.replace(/["\\]/g, (character) => `\\${character}`) : value;

/** Gathers what comes in into pieces of about `size` bytes, each of whole rows. */
export async function* inWholeRows(chunks: AsyncIterable<Buffer>, size: number): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    held.push(chunk);
    length += chunk.length;
    if (length < size) continue;
    const end = chunk.lastIndexOf(0x0a) + 1;
    if (end === 0) continue;
    const rest = chunk.subarray(end);
    held[held.length - 1] = chunk.subarray(0, end);
    yield Buffer.concat(held);
    held = [rest];
    length = rest.length;
  }
  if (length > 0) yield Buffer.concat(held);
}

/** A line feed within a value isn't written as one. */
export function countRows(data: Buffer): number {
  let count = 0;
  for (let at = data.indexOf(0x0a); at >= 0; at = data.indexOf(0x0a, at + 1)) count += 1;
  return count;
}
