import { setTimeout as pause } from "node:timers/promises";
import type { Database, Transaction } from "@tenantry/sdk";

const attempts = 12;

/** Runs `work` as if it were alone. What stands in each other's way is run again: `work` may run several times. */
export async function serializable<Result>(
  db: Database,
  work: (tx: Transaction) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction(work, { isolation: "serializable" });
    } catch (error) {
      if (attempt === attempts || !isSerializationFailure(error)) throw error;
      // Those who stood in each other's way come back at different moments.
      await pause(Math.random() * 10 * attempt);
    }
  }
}

export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === "23505";
}

function isSerializationFailure(error: unknown): boolean {
  return ["40001", "40P01"].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
