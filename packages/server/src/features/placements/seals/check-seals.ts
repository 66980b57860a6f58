import { type Db, inTransaction } from "../../../infra/db/index.ts";
import { recordEvent } from "../../../infra/events/index.ts";
import type { Log } from "../../../infra/log/index.ts";
import { showId } from "../../../kernel/index.ts";
import { touchRuntime } from "../../environments/index.ts";
import { selectDatabase } from "../databases/databases.sql.ts";
import { mendingContext } from "../mending-context.ts";
import { type PlacementParts, requireDriver } from "../parts.ts";
import { openServer } from "../servers/servers.ts";
import { endRotation } from "./rotate-seals.ts";
import {
  type SharedDatabaseRow,
  selectEnvironmentsIn,
  selectSharedDatabases,
  updateSealProblems,
} from "./seal-checks.sql.ts";

type Run = { db: Db; log: Log; signal: AbortSignal };

/**
 * Looks at each database that tenants share, whether it still keeps them apart: its roles, tables, partitions, views and
 * functions. A seal of an earlier version is brought up to date. One that doesn't serves nobody until a later look finds it mended. A handful of reads of the catalog for
 * each; one that can't be looked at stays what it was. Safe to repeat, also beside itself.
 */
export async function checkSeals({ db, log, signal }: Run, parts: PlacementParts): Promise<void> {
  for (const database of await selectSharedDatabases(db)) {
    if (signal.aborted) return;
    const { id, name, serverId } = database;
    try {
      await renew({ db, log }, parts, database);
      const problems = await standingProblems(parts, database);
      if (!(await record(db, database, problems))) continue;
      if (problems) log.error({ databaseId: id, name, serverId, problems }, "database.unsealed");
      else log.info({ databaseId: id, name, serverId }, "database.sealed");
    } catch (error) {
      log.warn({ databaseId: id, serverId, error: (error as Error).message }, "database.seal_unchecked");
    }
  }
}

/** Brings a seal that an earlier version has made up to date, and ends what was begun of a rotation; one that can't be now serves as well until a later look. */
async function renew(
  { db, log }: Pick<Run, "db" | "log">,
  parts: PlacementParts,
  database: SharedDatabaseRow,
): Promise<void> {
  const { id, level, name, roleName, serverId, serverUrlSecret } = database;
  const { sharing } = requireDriver(parts.drivers, level);
  const server = openServer(parts.secrets, { id: serverId, urlSecret: serverUrlSecret });
  const context = mendingContext(async () => (await selectDatabase(db, id))?.state === "in_use");
  try {
    const renewed = await sharing!.renewSeal(context, { server, database: { name, roleName } });
    if (renewed) log.info({ databaseId: id, name, serverId }, "database.seal_renewed");
    await endRotation(db, parts, database);
  } catch (error) {
    log.warn({ databaseId: id, serverId, error: (error as Error).message }, "database.seal_not_renewed");
  }
}

/** What two looks found: something may just have been under way in the first. Null when nothing is wrong. */
async function standingProblems(
  parts: PlacementParts,
  { level, name, roleName, serverId, serverUrlSecret }: SharedDatabaseRow,
): Promise<string[] | null> {
  const driver = requireDriver(parts.drivers, level);
  const server = openServer(parts.secrets, { id: serverId, urlSecret: serverUrlSecret });
  const look = () => driver.verify(server, { name, roleName });
  const first = await look();
  if (first.length === 0) return null;
  const second = new Set(await look());
  const both = first.filter((problem) => second.has(problem));
  return both.length > 0 ? both : null;
}

async function record(db: Db, database: SharedDatabaseRow, problems: string[] | null): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    if (!(await updateSealProblems(tx, database.id, problems))) return false;
    const about = { database: database.name, serverId: showId("srv", database.serverId) };
    if (problems) await recordEvent(tx, { name: "database.unsealed", data: { ...about, problems } });
    else await recordEvent(tx, { name: "database.sealed", data: about });
    await touchRuntime(tx, await selectEnvironmentsIn(tx, database.id));
    return true;
  });
}
