import { publish, type Tx } from "../../infra/db/index.ts";
import { selectUpstreamTarget, upsertUpstream } from "./instances.sql.ts";

/** Lets gateways know where the app's current release answers, if that changed. Call it late in the transaction. */
export async function refreshUpstream(tx: Tx, appId: string): Promise<void> {
  const target = await selectUpstreamTarget(tx, appId);
  if (!target || sameUrls(target.wanted, target.present)) return;
  const { releaseId, wanted } = target;
  await publish(tx, "routes", (version) => upsertUpstream(tx, { appId, releaseId, urls: wanted }, version));
}

function sameUrls(wanted: readonly string[], present: readonly string[] | null): boolean {
  return (
    present !== null &&
    wanted.length === present.length &&
    wanted.every((url, index) => url === present[index])
  );
}
