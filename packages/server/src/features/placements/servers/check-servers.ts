import { checkServer } from "../../../drivers/database/index.ts";
import { type Db, inTransaction } from "../../../infra/db/index.ts";
import type { Log } from "../../../infra/log/index.ts";
import type { Secrets } from "../../../infra/secrets/index.ts";
import { retryOperation } from "../../../infra/workflow/index.ts";
import { type ServerRow, selectServers, selectStranded, updateReachability } from "./servers.sql.ts";
import { openServer } from "./servers.ts";

/**
 * Looks whether the servers that were given to us answer, and notes it: no new database goes to one that doesn't. One
 * that is away is no error here. What could go neither on nor back without one goes on when it is there again.
 */
export async function checkServers({ db, log }: { db: Db; log: Log }, secrets: Secrets): Promise<void> {
  const given = (await selectServers(db)).filter(({ kind }) => kind === "external");
  await Promise.all(given.map((row) => checkOne(db, log, secrets, row)));
}

async function checkOne(db: Db, log: Log, secrets: Secrets, row: ServerRow): Promise<void> {
  const { url } = openServer(secrets, row);
  // Once more, before anybody is told: a restart takes a moment.
  const check = await checkServer(url).then((first) => (first.usable ? first : checkServer(url)));
  const state = check.usable ? "ready" : "unavailable";
  const changed = await inTransaction(db, async (tx) => {
    if (!(await updateReachability(tx, row.id, state))) return false;
    const stranded = check.usable ? await selectStranded(tx, row.id) : [];
    for (const operationId of stranded) await retryOperation(tx, operationId);
    return true;
  });
  if (!changed) return;
  const { id: serverId, name } = row;
  if (check.usable) log.info({ serverId, name }, "server.back");
  else log.warn({ serverId, name, missing: check.missing }, "server.unavailable");
}
