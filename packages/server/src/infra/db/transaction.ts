import type { Db, Tx } from "./connection.ts";
import { databaseErrorCode } from "./errors.ts";

const transient = new Set(["40001", "40P01"]);

/**
 * Runs `work` in one transaction (read committed unless told otherwise) and commits what it did, or nothing. A
 * serialization failure or deadlock repeats the whole of `work`, at most three times: keep outside effects out of it.
 */
export async function inTransaction<Result>(
  db: Db,
  work: (tx: Tx) => Promise<Result>,
  options: { isolation?: "read committed" | "repeatable read" | "serializable" } = {},
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db
        .transaction()
        .setIsolationLevel(options.isolation ?? "read committed")
        .execute(work);
    } catch (error) {
      if (attempt >= 3 || !transient.has(databaseErrorCode(error) ?? "")) throw error;
    }
  }
}
