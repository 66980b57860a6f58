import { type Db, inTransaction, publish, type Tx } from "../../infra/db/index.ts";
import { lockApp } from "./apps.sql.ts";
import { selectStaleUpstreams, selectUpstreamTargets, upsertUpstream } from "./instances.sql.ts";

/** Takes out of every upstream what has gone without a word: instances of nodes that died. */
export async function refreshStaleUpstreams(db: Db): Promise<void> {
  for (const appId of await selectStaleUpstreams(db)) {
    await inTransaction(db, (tx) => refreshUpstream(tx, appId));
  }
}

/** Lets gateways know where the app's releases answer, if that changed. Call it late in the transaction. */
export async function refreshUpstream(tx: Tx, appId: string): Promise<void> {
  // One at a time: of two instances that change at once, each would write an upstream without the other.
  await lockApp(tx, appId);
  for (const { id, releaseId, wanted, present } of await selectUpstreamTargets(tx, appId)) {
    if (sameUrls(wanted, present)) continue;
    await publish(tx, "routes", (version) =>
      upsertUpstream(tx, { id, appId, releaseId, urls: wanted }, version),
    );
  }
}

function sameUrls(wanted: readonly string[], present: readonly string[] | null): boolean {
  return (
    present !== null &&
    wanted.length === present.length &&
    wanted.every((url, index) => url === present[index])
  );
}
