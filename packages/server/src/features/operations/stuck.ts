import { type Db, inTransaction } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { showId } from "../../kernel/index.ts";
import type { Settings } from "../settings/index.ts";
import { markStuck } from "./amiss.sql.ts";

const atOnce = 100;

/**
 * Tells of operations in which nothing has happened for longer than the setting `operationStuckAfterMinutes`: by an
 * event and in the log, once until something happens again. Safe to repeat, also beside itself.
 */
export async function reportStuckOperations(parts: { db: Db; log: Log; settings: Settings }): Promise<void> {
  const { db, log, settings } = parts;
  const afterMinutes = await settings.get<number>(db, "operationStuckAfterMinutes");
  const stuck = await inTransaction(db, async (tx) => {
    const marked = await markStuck(tx, afterMinutes, atOnce);
    for (const { id, kind, status, since, tenantId, environmentId } of marked) {
      await recordEvent(tx, {
        name: "operation.stuck",
        ...(tenantId && { tenantId }),
        ...(environmentId && { environmentId }),
        data: { operationId: showId("op", id), kind, status, since: since.toISOString() },
      });
    }
    return marked;
  });
  for (const { id, kind, status, since } of stuck) {
    log.error({ operationId: id, kind, status, since }, "operation.stuck");
  }
}
