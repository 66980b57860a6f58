import type pg from "pg";
import type { Connection } from "../pools/index.ts";
import { exchange, isOutdated } from "./exchange.ts";
import type { SentValue } from "./message.ts";
import type { RowForm } from "./rows.ts";

/** Runs a statement that is a transaction by itself. What stands prepared and is outdated is prepared anew, once. */
export async function runPlain(
  connection: Connection,
  text: string,
  values: readonly SentValue[],
  form?: RowForm,
): Promise<pg.QueryResult> {
  for (let again = true; ; again = false) {
    const prepared = connection.statements.find(text);
    const { error, result } = await exchange(connection, [], { text, values, prepared, form });
    if (!error) return result;
    if (!again || !prepared || !isOutdated(error)) throw error;
  }
}

/** Runs a statement within a transaction, where an outdated one would have broken it by the time we know. */
export async function runUnnamed(
  connection: Connection,
  text: string,
  values: readonly SentValue[],
  form?: RowForm,
): Promise<pg.QueryResult> {
  const { error, result } = await exchange(connection, [], { text, values, form });
  if (error) throw error;
  return result;
}
