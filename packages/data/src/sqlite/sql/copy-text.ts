import type { SqliteValue } from "../engine/protocol.ts";
import { shown } from "./decode.ts";
import type { PgType } from "./pg-type.ts";
import { readText } from "./values.ts";

/** What one row is in PostgreSQL's text format of COPY, with its line feed. */
export function copyLine(row: readonly SqliteValue[], types: readonly PgType[]): string {
  let line = "";
  for (let index = 0; index < types.length; index += 1) {
    const held = row[index]!;
    const field = held === null ? "\\N" : escaped(shown(held, types[index]!));
    line += index === 0 ? field : `\t${field}`;
  }
  return `${line}\n`;
}

const special = /[\\\b\f\n\r\t\v]/;
const escapes: Record<string, string> = {
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

const escaped = (text: string): string =>
  special.test(text) ? text.replace(/[\\\b\f\n\r\t\v]/g, (character) => escapes[character]!) : text;

/** A field of such a row as the file holds it. Throws what PostgreSQL would say of it, 0A000 for what the level can't hold. */
export const heldField = (text: string | null, type: PgType): SqliteValue =>
  text === null ? null : readText(text, type);
