import { sql } from "kysely";
import type { Db } from "./connection.ts";

/** Rejects unless the registry answers. */
export async function checkConnection(db: Db): Promise<void> {
  await sql`select 1`.execute(db);
}
