import { type Db, inTransaction } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { retryOperation } from "../../infra/workflow/index.ts";
import { TenantryError } from "../../kernel/index.ts";
import type { PlacementParts } from "./parts.ts";
import type { PlaceOn } from "./place-driver.ts";
import { selectStrandedAt } from "./stranded.sql.ts";

/**
 * What could go neither on nor back because a server of files or caches was away goes on when that answers again. One that
 * answers and fails all the same is tried again a while later.
 */
export async function goOnAtPlaces(
  { db, log }: { db: Db; log: Log },
  parts: Pick<PlacementParts, "storage" | "cache">,
): Promise<void> {
  for (const place of [...(await parts.storage.all(db)), ...(await parts.cache.all(db))]) {
    const { serverId } = place;
    const stranded = serverId === null ? [] : await selectStrandedAt(db, serverId);
    if (stranded.length === 0 || !(await answers(place, log))) continue;
    for (const operationId of stranded)
      await inTransaction(db, (tx) => retryOperation(tx, operationId)).catch((error: unknown) => {
        // Somebody was quicker, or does something else there.
        if (!(error instanceof TenantryError)) throw error;
        log.info({ operationId, error: error.message }, "operation.not_retried");
      });
  }
}

async function answers({ driver, serverId }: PlaceOn, log: Log): Promise<boolean> {
  try {
    await driver.list();
    return true;
  } catch (error) {
    log.info({ serverId, error: (error as Error).message }, "server.still_away");
    return false;
  }
}
