import pg from "pg";
import { databaseErrorCode } from "./errors.ts";

/** Creates a database unless it is there; two who do it at once both succeed. */
export async function ensureDatabase(serverUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl, application_name: "tenantry start" });
  await client.connect();
  try {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [name]);
    if (rowCount === 0) await client.query(`create database ${pg.escapeIdentifier(name)}`);
  } catch (error) {
    // duplicate_database, or the unique index behind it when both are at it at the same moment
    if (!["42P04", "23505"].includes(databaseErrorCode(error) ?? "")) throw error;
  } finally {
    await client.end();
  }
}
