import type { TypeName } from "@pgsql/types";
import type { Schema, Table } from "./model.ts";
import type { PgType } from "./pg-type.ts";
import { displayName } from "./types.ts";

const wordOf = (part: NonNullable<TypeName["names"]>[number]): string =>
  "String" in part ? (part.String.sval ?? "") : "";

/** A type that a column was declared with, as PostgreSQL's catalog writes it; `type` is what is held for it. */
export function declaredName(schema: Schema, given: TypeName, type: PgType): string {
  const written = (given.names ?? []).map(wordOf).at(-1) ?? "";
  const own = schema.domains[written] || schema.enums[written];
  const element = own ? plainName(written) : builtIn(given, type);
  return `${element}${(given.arrayBounds ?? []).length > 0 ? "[]" : ""}`;
}

/** Without quotes where PostgreSQL needs none. */
const plainName = (name: string): string =>
  /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;

function builtIn(given: TypeName, { name, precision, scale }: PgType): string {
  const shown = displayName({ name });
  if (name === "numeric") return precision === undefined ? shown : `${shown}(${precision},${scale})`;
  const [digits] = (given.typmods ?? []).map((part) =>
    "A_Const" in part ? (part.A_Const.ival?.ival ?? 0) : 0,
  );
  if (digits !== undefined && /^time/.test(name)) {
    const full = name === "time" ? "time without time zone" : shown;
    return full.replace(/^\w+/, (word) => `${word}(${digits})`);
  }
  if (name === "time") return "time without time zone";
  return precision === undefined ? shown : `${shown}(${precision})`;
}

const longestName = 63;

/** How PostgreSQL calls the sequence that it makes for a column. */
export function sequenceName(schema: Schema, table: Table, column: string): string {
  const tables = Object.values(schema.tables);
  const taken = new Set([
    ...Object.keys(schema.tables),
    ...Object.keys(schema.views),
    ...Object.keys(schema.indexes),
    ...tables.flatMap((one) => [one.primaryKey, ...one.uniques].flatMap((key) => key?.name ?? [])),
    ...tables.flatMap((one) => one.columns.flatMap(({ sequence }) => sequence ?? [])),
  ]);
  for (let count = 0; ; count += 1) {
    const name = shortened(table.name, column, count === 0 ? "seq" : `seq${count}`);
    if (!taken.has(name)) return name;
  }
}

/** The longer one of the first two gives way, as in PostgreSQL; lengths are those of bytes. */
function shortened(first: string, second: string, label: string): string {
  const most = longestName - label.length - 2;
  let [left, right] = [Buffer.byteLength(first), Buffer.byteLength(second)];
  while (left + right > most) {
    if (left > right) left -= 1;
    else right -= 1;
  }
  return `${cut(first, left)}_${cut(second, right)}_${label}`;
}

/** Whole characters of at most so many bytes. */
function cut(text: string, bytes: number): string {
  let kept = text;
  while (Buffer.byteLength(kept) > bytes) kept = [...kept].slice(0, -1).join("");
  return kept;
}
