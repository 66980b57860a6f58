import type { Tx } from "../../../infra/db/index.ts";
import { loginIdOf } from "../logins/login-id.ts";
import { type CarriedFrom, insertCarriedRuns, selectFileRuns } from "./scripts.sql.ts";

/**
 * Notes for an environment, whose rows were copied, which scripts those have seen: `snapshot` and `runs` are what the copy
 * answered. Answers how many; undefined while it can't be told of one yet. Repeatable.
 */
export async function carryRuns(
  tx: Tx,
  { runs = [], ...carried }: CarriedFrom & { runs?: readonly string[] },
): Promise<number | undefined> {
  const seen = new Set(runs);
  const inFileBy = (await selectFileRuns(tx, carried.from)).filter((operationId) =>
    seen.has(loginIdOf(operationId, carried.from)),
  );
  return insertCarriedRuns(tx, { ...carried, inFileBy });
}
