import type pg from "pg";
import { apart, asTenant, type ProbedDatabase, tokenFor } from "./ground.ts";
import { selectMarks } from "./marks.sql.ts";
import { refusalOf } from "./refusal.ts";

/**
 * Puts a row into each table of a canary that will have one, as its application would, so that there is something which
 * others must not find. A table that has rows is left as it is: repeatable. Answers in how many tables rows stand.
 */
export async function markDatabase(
  place: ProbedDatabase,
  signal: AbortSignal,
): Promise<{ tables: number; marked: number }> {
  // Whether somebody gets into a file shows by his getting in.
  if (place.level === "sqlite") return { tables: 0, marked: 0 };
  return asTenant({ from: place, signal }, async (client) => {
    await client.query("begin");
    if (place.seal) await client.query("select tenantry.enter($1)", [await tokenFor(client, place)]);
    const marks = await selectMarks(client);
    let marked = 0;
    for (const { table, statement } of marks) if (await hasRow(client, table, statement)) marked += 1;
    await client.query("commit");
    return { tables: marks.length, marked };
  });
}

async function hasRow(client: pg.Client, table: string, statement: string): Promise<boolean> {
  const present = await apart(client, () => client.query(`select from ${table} limit 1`)).catch(
    refusedQuietly,
  );
  if (!present) return false;
  if (present.rowCount) return true;
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
