import type { Tx } from "../../infra/db/index.ts";
import { selectEnvironmentsOf, touchRuntime } from "../environments/index.ts";

/**
 * Lets the applications of these tenants learn that one below came into sight, or went out of it. Null stands for no
 * parent. Call it late in the transaction, as `touchRuntime`.
 */
export async function touchParents(tx: Tx, parentIds: readonly (string | null)[]): Promise<void> {
  const ids = [...new Set(parentIds)].filter((id) => id !== null);
  if (ids.length === 0) return;
  const environments = await selectEnvironmentsOf(tx, ids);
  await touchRuntime(
    tx,
    environments.map(({ id }) => id),
  );
}
