import { checkServer } from "../../../drivers/database/index.ts";
import { type Db, inTransaction } from "../../../infra/db/index.ts";
import type { Log } from "../../../infra/log/index.ts";
import type { Secrets } from "../../../infra/secrets/index.ts";
import { type ServerRow, selectServers, updateReachability } from "./servers.sql.ts";
import { openServer } from "./servers.ts";

/**
 * Looks whether the servers that were given to us answer, and notes it: no new database goes to one that doesn't. One
 * that is away is no error here.
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
  if (!(await inTransaction(db, (tx) => updateReachability(tx, row.id, state)))) return;
  const { id: serverId, name } = row;
  if (check.usable) log.info({ serverId, name }, "server.back");
  else log.warn({ serverId, name, missing: check.missing }, "server.unavailable");
}
