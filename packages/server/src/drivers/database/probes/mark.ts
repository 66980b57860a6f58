import type pg from "pg";
import { apart, asTenant, type ProbedDatabase, tokenFor } from "./ground.ts";
import { type Mark, selectMarks } from "./marks.sql.ts";
import { refusalOf } from "./refusal.ts";

/** The tables of a canary that have no rows. */
export async function emptyTables(place: ProbedDatabase, signal: AbortSignal): Promise<string[]> {
  return inOwn(place, signal, async (client, marks) => {
    const empty: string[] = [];
    for (const { table } of marks) {
      const found = await apart(client, () => client.query(`select from ${table} limit 1`)).catch(
        refusedQuietly,
      );
      if (found?.rowCount === 0) empty.push(table);
    }
    return empty;
  });
}

/**
 * Puts a row into each table of a canary that will have one, as its application would, so that there is something which
 * others must not find. A table that has rows is left as it is: repeatable. Answers in how many tables rows stand.
 */
export async function markDatabase(
  place: ProbedDatabase,
  signal: AbortSignal,
): Promise<{ tables: number; marked: number }> {
  return inOwn(place, signal, async (client, marks) => {
    let marked = 0;
    for (const { table, statement } of marks) if (await hasRow(client, table, statement)) marked += 1;
    return { tables: marks.length, marked };
  });
}

/** Takes the rows of those tables away again; what the application lets nobody delete stays. Repeatable. */
export async function unmarkDatabase(
  place: ProbedDatabase,
  tables: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  await inOwn(place, signal, async (client, marks) => {
    // Rows that point at others go before them, which is the other way round than they came, as a rule.
    let left = marks.map(({ table }) => table).filter((table) => tables.includes(table));
    for (let before = Number.POSITIVE_INFINITY; left.length < before; ) {
      before = left.length;
      const stayed: string[] = [];
      for (const table of left.toReversed()) if (!(await deleteRows(client, table))) stayed.unshift(table);
      left = stayed;
    }
  });
}

/** Whether somebody gets into a file shows by his getting in: nothing is marked there. */
async function inOwn<Result>(
  place: ProbedDatabase,
  signal: AbortSignal,
  work: (client: pg.Client, marks: readonly Mark[]) => Promise<Result>,
): Promise<Result> {
  return asTenant({ from: place, signal }, async (client) => {
    await client.query("begin");
    if (place.seal) await client.query("select tenantry.enter($1)", [await tokenFor(client, place)]);
    const result = await work(client, await selectMarks(client));
    await client.query("commit");
    return result;
  });
}

const deleteRows = (client: pg.Client, table: string): Promise<boolean> =>
  attempted(client, `delete from ${table}`);

async function hasRow(client: pg.Client, table: string, statement: string): Promise<boolean> {
  const present = await apart(client, () => client.query(`select from ${table} limit 1`)).catch(
    refusedQuietly,
  );
  if (!present) return false;
  return present.rowCount ? true : attempted(client, statement);
}

async function attempted(client: pg.Client, statement: string): Promise<boolean> {
  await client.query("savepoint mark");
  try {
    await client.query(statement);
    return true;
  } catch (error) {
    refusedQuietly(error);
    await client.query("rollback to savepoint mark");
    return false;
  }
}

function refusedQuietly(error: unknown): undefined {
  if (!refusalOf(error)) throw error;
}
