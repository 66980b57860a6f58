import { type Seed, seedData, transactionOutcome } from "../../../drivers/database/index.ts";
import type { StepContext } from "../../../infra/workflow/index.ts";
import { hasCode } from "../../../kernel/index.ts";
import { loginIdOf } from "../logins/login-id.ts";
import { environmentLogins } from "../logins/login-place.ts";
import type { PlacementParts } from "../parts.ts";
import { environmentFile } from "./environment-file.ts";

export type DatabaseSeed = Seed & {
  environmentId: string;
  /** What an interrupted attempt told `beforeCommit`. */
  before: { transactionId: string | null; rowsChanged: number | null };
  /** Told when all is in and nothing is committed; not where the database itself remembers. */
  beforeCommit(done: { transactionId: string | null; rowsChanged: number }): Promise<void>;
};

/**
 * Puts rows into an environment's database in one transaction, with the rights that its application has: to rows, and
 * to nobody else's. Exactly once over any number of attempts, as long as each is told what the one before told
 * `beforeCommit`. Throws `starter_data_failed` with file and line, and then nothing of it stays.
 */
export async function seedDatabase(
  parts: PlacementParts,
  context: StepContext,
  { environmentId, before, ...seed }: DatabaseSeed,
): Promise<{ rowsChanged: number }> {
  const runId = loginIdOf(context.operationId, environmentId);
  const file = await environmentFile(context.db, parts, environmentId);
  if (file) return file.scripts.seed(context, { ...seed, ...file.place, runId });
  const { place, logins, remove } = await environmentLogins(context.db, parts, environmentId);
  const removeLogin = () => remove(context, logins.nameOf(runId));
  if (before.transactionId !== null) {
    // Its server may have committed it without anybody hearing of it; first nobody may be left who still could.
    await removeLogin();
    if ((await transactionOutcome(place.server, before.transactionId)) === "committed")
      return { rowsChanged: before.rowsChanged ?? 0 };
  }
  return seedData(context, { ...seed, logins, place, loginId: runId, removeLogin });
}

/** Repeatable; an environment without a database has nothing open. */
export async function endSeed(
  parts: PlacementParts,
  context: StepContext,
  environmentId: string,
): Promise<void> {
  try {
    if (await environmentFile(context.db, parts, environmentId)) return;
    const { logins, remove } = await environmentLogins(context.db, parts, environmentId);
    await remove(context, logins.nameOf(loginIdOf(context.operationId, environmentId)));
  } catch (error) {
    if (!hasCode(error, "environment_unavailable")) throw error;
  }
}
