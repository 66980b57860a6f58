import type { Db } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import type { StoragePlaces } from "./places.ts";
import { selectWronglyAdmittedStorages, updateStorageAdmitted } from "./upkeep.sql.ts";

const pageSize = 200;

/** Shuts the keys of tenants that may not be used out, on S3 servers where they have their own, and lets them in again. */
export async function settleStorages(
  places: StoragePlaces,
  { db, log, signal }: { db: Db; log: Log; signal: AbortSignal },
): Promise<void> {
  const wrong = await selectWronglyAdmittedStorages(db, pageSize);
  if (wrong.length === 0) return;
  const all = await places.all(db);
  const away = new Set<string>();
  for (const { id, driver, serverId, name, usable } of wrong) {
    if (signal.aborted) return;
    const found = all.find((one) => one.driver.driver === driver && one.serverId === serverId);
    // One server that is away keeps nobody from the others, and is asked once in a run.
    if (!found || away.has(serverId)) continue;
    try {
      await found.driver.admit?.(name, usable, { signal });
      await updateStorageAdmitted(db, id, usable);
    } catch (error) {
      away.add(serverId);
      log.warn({ serverId, error: (error as Error).message }, "storage.upkeep_failed");
    }
  }
}
