import type { QueryResultRow } from "pg";
import pg from "pg";
import { databaseErrorCode } from "../../../../infra/db/index.ts";
import { readingPolicy } from "../catalog/constraints.sql.ts";
import type { Reader } from "../catalog/scope.sql.ts";

/** How long others may have to stand behind us, who wait for a table. */
const lockTimeoutMs = 500;
const id = pg.escapeIdentifier;

/**
 * Policies that bind those as well whom another policy lets see a table: of tables that force their policies upon their
 * owner, who we are.
 */
export async function selectBindingPolicies(
  client: Reader,
  tables: readonly string[],
): Promise<{ object: string; policy: string }[]> {
  const { rows } = await client.query<{ object: string; policy: string } & QueryResultRow>(
    `select p.polrelid::pg_catalog.regclass::text as object, p.polname::text as policy from pg_catalog.pg_policy p
     where p.polrelid = any ($1::pg_catalog.regclass[]) and not p.polpermissive and p.polcmd in ('*', 'r')
     order by p.polrelid, p.polname`,
    [tables],
  );
  return rows;
}

/** Lets a role see all rows of a table. Answers false when somebody is using it in a way that has to be waited for. */
export async function openTable(client: Reader, table: string, reader: string): Promise<boolean> {
  return atOnce(
    client,
    `create policy ${readingPolicy} on ${table} for select to ${id(reader)} using (true)`,
  );
}

/** Takes that back. */
export async function closeTable(client: Reader, table: string): Promise<boolean> {
  return atOnce(client, `drop policy if exists ${readingPolicy} on ${table}`);
}

async function atOnce(client: Reader, statement: string): Promise<boolean> {
  await client.query(`begin; set local lock_timeout = ${lockTimeoutMs}`);
  try {
    await client.query(statement);
    await client.query("commit");
    return true;
  } catch (error) {
    await client.query("rollback");
    if (databaseErrorCode(error) !== "55P03") throw error;
    return false;
  }
}
