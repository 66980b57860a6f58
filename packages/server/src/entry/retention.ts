import {
  deleteAbandonedRegistrations,
  deleteEndedSessions,
  deleteExpiredVerifications,
  deleteStaleAttempts,
} from "../features/access/index.ts";
import { deleteOldReports } from "../features/isolation/index.ts";
import { deleteEndedOperations } from "../features/operations/index.ts";
import type { Settings } from "../features/settings/index.ts";
import { deleteUnusedChunks } from "../features/templates/index.ts";
import { type Db, forgetTombstones, removeInBatches } from "../infra/db/index.ts";
import { deleteOldEvents } from "../infra/events/index.ts";
import { deleteOldKeys } from "../infra/http/index.ts";
import type { Log } from "../infra/log/index.ts";

export type RetentionDeps = { db: Db; log: Log; settings: Settings };

/** Followers that were away for longer read everything anew. */
const tombstoneDays = 30;
/** What the platform did for itself is of use while it is being looked into. */
const internalOperationDays = 1;

/**
 * Removes from the registry what is kept for a time only, in small batches. What fails is logged, and doesn't keep the
 * rest; safe to repeat and to cut short.
 */
export async function removeExpired(
  { db, log, settings }: RetentionDeps,
  signal: AbortSignal,
): Promise<void> {
  const eventDays = await settings.get<number>(db, "eventRetentionDays");
  const operationDays = await settings.get<number>(db, "operationRetentionDays");
  const removals: Record<string, (limit: number) => Promise<number>> = {
    events: (limit) => deleteOldEvents(db, eventDays, limit),
    "tombstones of routes": (limit) => forgetTombstones(db, "routes", tombstoneDays, limit),
    "tombstones of runtime": (limit) => forgetTombstones(db, "runtime", tombstoneDays, limit),
    operations: (limit) => deleteEndedOperations(db, { internal: false, days: operationDays }, limit),
    "internal operations": (limit) =>
      deleteEndedOperations(db, { internal: true, days: internalOperationDays }, limit),
    "isolation reports": (limit) => deleteOldReports(db, operationDays, limit),
    sessions: (limit) => deleteEndedSessions(db, limit),
    verifications: (limit) => deleteExpiredVerifications(db, limit),
    registrations: (limit) => deleteAbandonedRegistrations({ db, settings }, limit),
    "login attempts": (limit) => deleteStaleAttempts(db, limit),
    "contents of templates": (limit) => deleteUnusedChunks(db, limit),
    "idempotency keys": (limit) => deleteOldKeys(db, limit),
  };
  for (const [what, remove] of Object.entries(removals)) {
    try {
      const rows = await removeInBatches(remove, signal);
      if (rows > 0) log.info({ what, rows }, "retention.removed");
    } catch (error) {
      log.error({ what, error }, "retention.failed");
    }
  }
}
