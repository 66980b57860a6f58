import type { Waiting } from "../../../infra/workflow/index.ts";
import { hasCode } from "../../../kernel/index.ts";

/** So often it is looked whether the others have ended. */
const waitMs = 2_000;

/**
 * Work on rows that others may be at work on: who reads an environment's has a role to himself, and one who died with it
 * keeps it until it is removed. Waits instead of failing with `busy`.
 */
export async function inTurn<Result>(work: () => Promise<Result>): Promise<Result | Waiting> {
  return work().catch((error: unknown) => {
    if (!hasCode(error, "busy")) throw error;
    return { waitUntil: new Date(Date.now() + waitMs), message: "Waiting for others who are at these rows" };
  });
}
