import { bury, publish, sql, type Tx } from "../../infra/db/index.ts";

/**
 * Lets applications learn what changed about these environments (status, placements, settings). Call it late in the
 * transaction: it takes the stream `runtime`, which stays locked until commit.
 */
export async function touchRuntime(tx: Tx, environmentIds: readonly string[]): Promise<void> {
  if (environmentIds.length === 0) return;
  await publish(tx, "runtime", (version) =>
    sql`update environments set version = ${version} where id = any (${environmentIds}::uuid[])`.execute(tx),
  );
}

/** Lets applications learn what changed for every environment: an installation's setting. Takes a second at 100,000. */
export async function touchAllRuntime(tx: Tx): Promise<void> {
  await publish(tx, "runtime", (version) => sql`update environments set version = ${version}`.execute(tx));
}

/** Lets an application forget environments of its own that are being removed. */
export async function buryRuntime(tx: Tx, appId: string, environmentIds: readonly string[]): Promise<void> {
  await publish(tx, "runtime", (version) => bury(tx, "runtime", version, environmentIds, appId));
}
