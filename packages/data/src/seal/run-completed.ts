import type pg from "pg";
import type { Connection } from "../pools/index.ts";
import { sentValues } from "../wire/message.ts";
import { groupingOf } from "./grouping.ts";
import type { Columns } from "./naming/count.ts";
import { unnamedIn } from "./naming/unnamed.ts";
import { runSealed, type Sealed, type Statement } from "./run-sealed.ts";

/** Runs a statement in its environment, with what it lacks here: columns that it doesn't name, the rest of a key. */
export function runCompleted(
  connection: Connection,
  sealed: Sealed,
  statement: Statement,
): Promise<pg.QueryResult> {
  const { databaseId } = sealed.seal;
  const isComplete = !unnamedIn(statement.text) && !groupingOf(databaseId, statement.text);
  return isComplete ? runSealed(connection, sealed, statement) : complete(connection, sealed, statement);
}

async function complete(
  connection: Connection,
  sealed: Sealed,
  statement: Statement,
): Promise<pg.QueryResult> {
  return runGrouped(connection, sealed, {
    ...statement,
    text: await withNames(connection, sealed, statement.text),
  });
}

const columnsText = `
  select wanted.name, array_agg(a.attname::text order by a.attnum) filter (where a.attname <> 'tenantry_environment') as names,
    max(a.attnum) = max(a.attnum) filter (where a.attname = 'tenantry_environment') as "hiddenLast"
  from unnest($1::text[]) wanted (name) join pg_catalog.pg_attribute a on a.attrelid = pg_catalog.to_regclass(wanted.name)
  where a.attnum > 0 and not a.attisdropped group by wanted.name`;

/**
 * Columns are asked for each time: a later migration may have added one. Few statements need that, and who names columns
 * spares the way.
 */
export async function withNames(connection: Connection, sealed: Sealed, text: string): Promise<string> {
  const unnamed = unnamedIn(text);
  if (!unnamed) return text;
  const { rows } = await runSealed(connection, sealed, {
    text: columnsText,
    values: sentValues([unnamed.tables]),
  });
  const found = new Map((rows as (Columns & { name: string })[]).map((row) => [row.name, row]));
  // A view has no hidden column, and needs nothing.
  return unnamed.named((table) => (found.get(table)?.hiddenLast == null ? undefined : found.get(table)));
}

const mark = "tenantry_grouping";

/**
 * Within a transaction the first one of a text is run behind a savepoint, since PostgreSQL's refusal would end the
 * transaction.
 */
async function runGrouped(
  connection: Connection,
  sealed: Sealed,
  statement: Statement,
): Promise<pg.QueryResult> {
  const grouping = groupingOf(sealed.seal.databaseId, statement.text);
  if (!grouping) return runSealed(connection, sealed, statement);
  const inside = sealed.entry === "inside";
  const marked = inside && grouping.doubtful && connection.client.getTransactionStatus() === "T";
  if (marked) await connection.client.query(`savepoint ${mark}`);
  for (let text: string | undefined = grouping.text; ; ) {
    try {
      const result = await runSealed(connection, sealed, { ...statement, text });
      grouping.taken();
      if (marked) await connection.client.query(`release savepoint ${mark}`);
      return result;
    } catch (error) {
      text = marked || !inside ? grouping.again(error) : undefined;
      if (text === undefined) throw error;
      if (marked) await connection.client.query(`rollback to savepoint ${mark}`);
    }
  }
}
