import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";
import { failure } from "../../../../kernel/index.ts";
import { selectForcedTables } from "../catalog/forced.sql.ts";
import { notPortable } from "./fits.ts";
import { closeTable, openTable, selectBindingPolicies } from "./forced.sql.ts";

const attempts = 20;
const pauseMs = 250;

/**
 * Reads all rows as `reader`, who logged in and works as the tables' owner: also where the application forces its own
 * policies upon the owner, and nobody can let us see past them. Each such table gets one more policy for the time, which
 * speaks of the reader alone; it goes with the role at the latest. Throws `rows_not_portable` where a policy binds the
 * reader, too, and `busy` where a table is locked for long.
 */
export async function underPolicies<Result>(
  { client, reader, signal }: { client: pg.ClientBase; reader: string; signal: AbortSignal },
  work: (forced: boolean) => Promise<Result>,
): Promise<Result> {
  const tables = await selectForcedTables(client);
  if (tables.length === 0) return work(false);
  const binding = await selectBindingPolicies(client, tables);
  if (binding.length > 0) {
    const problem = (policy: string) =>
      `its policy ${policy} is restrictive and forced upon the table's owner, so not all rows can be read; ` +
      "give Tenantry's role on the server BYPASSRLS (PostgreSQL 16 or newer), or leave FORCE out, " +
      "since applications never own their tables here";
    throw notPortable(binding.map(({ object, policy }) => ({ object, problem: problem(policy) })));
  }
  for (const table of tables) await soon(table, signal, () => openTable(client, table, reader));
  await client.query("set role none");
  const result = await work(true);
  await client.query("reset role");
  for (const table of tables) await soon(table, signal, () => closeTable(client, table));
  return result;
}

/** Tries briefly and often, since those who come behind one that waits for a table have to wait, too. */
async function soon(table: string, signal: AbortSignal, attempt: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < attempts; tries += 1) {
    if (await attempt()) return;
    await pause(pauseMs, undefined, { signal });
  }
  throw failure("busy", { detail: `The table ${table} is in use by a transaction that doesn't end.` });
}
