import { LRUCache } from "lru-cache";
import { type Db, inTransaction } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { failure, showId } from "../../kernel/index.ts";
import type { createSessions } from "./sessions.ts";

const tellEveryMs = 60_000;
const mostRemembered = 10_000;

/** Where it was tried. Ids are UUIDs. */
type Place = { tenantId: string; environmentId: string };

/**
 * Refuses a session that isn't good where it was tried. When it is one of another tenant, that is told by event and log
 * [ISO-11].
 */
export function createSessionRefusal(parts: {
  db: Db;
  log: Log;
  sessions: Pick<ReturnType<typeof createSessions>, "findForeign">;
}) {
  const { db, log, sessions } = parts;
  const told = new LRUCache<string, true>({ max: mostRemembered, ttl: tellEveryMs });

  async function tellOfForeign({ tenantId, environmentId }: Place, token: string): Promise<void> {
    const owner = await sessions.findForeign(token, tenantId);
    // Canaries try it on purpose.
    if (!owner || owner.internal) return;
    const key = `${owner.userId} ${environmentId}`;
    if (told.has(key)) return;
    told.set(key, true);
    const data = { userId: showId("usr", owner.userId), environmentId: showId("env", environmentId) };
    log.warn({ tenantId: owner.tenantId, triedIn: tenantId, ...data }, "session.used-elsewhere");
    await inTransaction(db, (tx) =>
      recordEvent(tx, { name: "session.used-elsewhere", tenantId: owner.tenantId, data }),
    );
  }

  return async (place: Place, token: string): Promise<never> => {
    await tellOfForeign(place, token);
    throw failure("session_invalid");
  };
}
