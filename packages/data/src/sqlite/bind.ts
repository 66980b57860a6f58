import type { FieldDef } from "pg";
import type { QueryRows } from "../database/statement.ts";
import type { RowForm } from "../wire/rows.ts";
import type { SqliteValue } from "./engine/index.ts";
import { type Decoder, decoderOf } from "./sql/decode.ts";
import { wrong } from "./sql/refusal.ts";
import type { Translated } from "./sql/statement.ts";
import { writeTimestamp } from "./sql/times.ts";
import type { Slot } from "./sql/translation.ts";
import { oidOf, text } from "./sql/types.ts";
import { encode } from "./sql/values.ts";

/** What a statement may ask of the transaction in which it is. */
export type Moment = { now: Date; isolation: string };

/** The values that a statement is run with. */
export function bind(
  { slots, parameters }: Translated,
  values: readonly unknown[],
  { now, isolation }: Moment,
): SqliteValue[] {
  if (values.length !== parameters) {
    throw wrong(
      "08P01",
      `bind message supplies ${values.length} parameters, but prepared statement "" requires ${parameters}`,
    );
  }
  return slots.map((slot) => {
    if ("parameter" in slot) return encode(values[slot.parameter - 1], slot.type ?? text);
    return "now" in slot ? timeOf(slot, now) : isolation;
  });
}

function timeOf(slot: Extract<Slot, { now: unknown }>, now: Date): string {
  const written = writeTimestamp(now, slot.now === "timestamptz");
  return slot.now === "date" ? written.slice(0, 10) : written;
}

const decoders = new WeakMap<Translated, Decoder[]>();

function decodersOf(translated: Translated, form: RowForm | undefined): Decoder[] {
  const known = form?.types ? undefined : decoders.get(translated);
  if (known) return known;
  const made = (translated.columns ?? []).map(({ type }) => decoderOf(type, form?.types));
  if (!form?.types) decoders.set(translated, made);
  return made;
}

/** Rows as pg gives them. */
export function readRows<Row>(
  translated: Translated,
  rows: readonly SqliteValue[][],
  form: RowForm | undefined,
): Row[] {
  const decode = decodersOf(translated, form);
  const names = (translated.columns ?? []).map(({ name }) => name);
  if (form?.rowMode === "array")
    return rows.map((row) => row.map((value, index) => decode[index]!(value)) as Row);
  return rows.map((row) => {
    const result: Record<string, unknown> = {};
    for (let index = 0; index < names.length; index += 1) result[names[index]!] = decode[index]!(row[index]!);
    return result as Row;
  });
}

export function readResult<Row>(
  translated: Translated,
  answer: { rows: readonly SqliteValue[][]; changes: number },
  form: RowForm | undefined,
): QueryRows<Row> {
  const { columns, command } = translated;
  const fields: FieldDef[] = (columns ?? []).map(({ name, type }) => ({
    name,
    tableID: 0,
    columnID: 0,
    dataTypeID: oidOf(type),
    dataTypeSize: -1,
    dataTypeModifier: -1,
    format: "text",
  }));
  const rows = readRows<Row>(translated, answer.rows, form);
  const counted = ["SELECT", "INSERT", "UPDATE", "DELETE"].includes(command);
  return { rows, rowCount: counted ? answer.changes : 0, command, fields };
}
