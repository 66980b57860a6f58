import { LRUCache } from "lru-cache";
import { type Db, inTransaction } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { showId } from "../../kernel/index.ts";

const tellEveryMs = 60_000;
const mostRemembered = 10_000;

/** Where it was tried. Ids are UUIDs. */
type Place = { tenantId: string; environmentId: string };
type Owner = { userId: string; tenantId: string; internal: boolean };

/**
 * Tells by event and log when what was refused in one tenant is good in another [ISO-11]. `findForeign` says whose it
 * is, when it isn't of this tenant.
 */
export function createForeignTelling(parts: {
  db: Db;
  log: Log;
  event: "session.used-elsewhere" | "verification.used-elsewhere";
  findForeign: (token: string, tenantId: string) => Promise<Owner | undefined>;
}) {
  const { db, log, event, findForeign } = parts;
  const told = new LRUCache<string, true>({ max: mostRemembered, ttl: tellEveryMs });

  return async ({ tenantId, environmentId }: Place, token: string): Promise<void> => {
    const owner = await findForeign(token, tenantId);
    // Canaries try it on purpose.
    if (!owner || owner.internal) return;
    const key = `${owner.userId} ${environmentId}`;
    if (told.has(key)) return;
    told.set(key, true);
    const data = { userId: showId("usr", owner.userId), environmentId: showId("env", environmentId) };
    log.warn({ tenantId: owner.tenantId, triedIn: tenantId, ...data }, event);
    await inTransaction(db, (tx) => recordEvent(tx, { name: event, tenantId: owner.tenantId, data }));
  };
}
