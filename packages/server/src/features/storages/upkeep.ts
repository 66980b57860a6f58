import type { StorageDriver } from "../../drivers/storage/index.ts";
import { type Db, inTransaction } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { showId } from "../../kernel/index.ts";
import type { StoragePlaces } from "./places.ts";
import {
  selectUsedStorages,
  selectWronglyAdmittedStorages,
  type UsedStorage,
  updateStorageAdmitted,
} from "./upkeep.sql.ts";

type Run = { db: Db; log: Log; signal: AbortSignal };

const pageSize = 200;

/** Shuts the keys of tenants that may not be used out, on S3 servers where they have their own, and lets them in again. */
export async function settleStorages(places: StoragePlaces, { db, log, signal }: Run): Promise<void> {
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

/**
 * Looks at each place on an S3 server whose key is let in, and puts back what was changed there of its key's rights.
 * What it can't put back is told in the log; the isolation verification reports it, too. Safe to repeat, also beside
 * itself.
 */
export async function checkStorages(places: StoragePlaces, run: Run): Promise<void> {
  const all = await places.all(run.db);
  const away = new Set<string>();
  for (let after: string | undefined; ; ) {
    const page = await selectUsedStorages(run.db, { after, limit: pageSize });
    for (const storage of page) {
      if (run.signal.aborted) return;
      const { serverId } = storage;
      const found = all.find((one) => one.driver.driver === storage.driver && one.serverId === serverId);
      if (!found || away.has(serverId)) continue;
      try {
        await mend(run, found.driver, storage);
      } catch (error) {
        away.add(serverId);
        run.log.warn({ serverId, error: (error as Error).message }, "storage.upkeep_failed");
      }
    }
    if (page.length < pageSize) return;
    after = page.at(-1)!.id;
  }
}

async function mend({ db, log, signal }: Run, driver: StorageDriver, storage: UsedStorage): Promise<void> {
  const { id, name, serverId, tenantId, environmentId } = storage;
  const look = () => driver.verify(name, environmentId);
  const problems = await look();
  // It may have been suspended or removed while we looked: then its key isn't to be let in again.
  const isUsed = async () => (await selectUsedStorages(db, { only: id })).length === 1;
  if (problems.length === 0 || !driver.repair || !(await isUsed())) return;
  await driver.repair(name, { signal });
  if (!(await isUsed())) return driver.admit?.(name, false, { signal });
  const left = await look();
  if (left.length > 0) {
    log.error({ serverId, name, problems: left }, "storage.unsound");
    return;
  }
  log.warn({ serverId, name, problems }, "storage.repaired");
  await inTransaction(db, (tx) =>
    recordEvent(tx, {
      name: "storage.repaired",
      ...{ tenantId, environmentId },
      data: { serverId: showId("sts", serverId), problems },
    }),
  );
}
