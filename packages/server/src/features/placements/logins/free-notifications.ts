import type { Db } from "../../../infra/db/index.ts";
import type { Log } from "../../../infra/log/index.ts";
import { endLongTransactions, selectNotificationUsage } from "./notifications.sql.ts";

type Bounds = {
  /** From which usage on logins' transactions are ended, and from which on the applications' own, too. */
  logins: number;
  applications: number;
  /** How long a transaction may last then. */
  seconds: number;
};

const bounds: Bounds = { logins: 0.1, applications: 0.5, seconds: 5 };

/**
 * PostgreSQL has one queue of notifications for all databases of a server and no right for NOTIFY. Whoever listens and
 * keeps a transaction open keeps everything in it; once it is full, no transaction that notifies can commit: none of
 * ours. So whoever keeps it from being emptied is ended long before, which empties it. For the registry's server.
 */
export async function freeNotifications(
  { db, log }: { db: Db; log: Log },
  { logins, applications, seconds }: Bounds = bounds,
): Promise<void> {
  const usage = await selectNotificationUsage(db);
  if (usage < logins) return;
  const roles = usage < applications ? "^tnl_" : "^tn[lr]_";
  const ended = await endLongTransactions(db, { roles, seconds });
  log.warn({ usage, ended }, "database.notifications_fill");
}
