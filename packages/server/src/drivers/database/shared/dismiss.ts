import { databaseErrorCode } from "../../../infra/db/index.ts";
import { selectDatabase } from "../common/databases.sql.ts";
import { selectEnvironmentLogins } from "../common/logins.sql.ts";
import type { DriverParts } from "../common/parts.ts";
import { removeLogin } from "../common/remove.ts";
import { type Session, withSession } from "../common/session.ts";
import type { DriverContext, SharedPlace } from "../driver.ts";
import { entered } from "./entered.ts";
import {
  deleteBatch,
  forgetEnvironment,
  hasRows,
  selectTables,
  withoutTriggers,
} from "./environments.sql.ts";

const batchSize = 5_000;

/** Implements `Sharing.dismiss`. Rows that others still point to wait for the next round. */
export async function dismiss(parts: DriverParts, context: DriverContext, place: SharedPlace): Promise<void> {
  const { server, database, environmentId } = place;
  await withSession(parts.connect, context, server, `${database.name}/${environmentId}`, async (session) => {
    if (!(await selectDatabase(session, database.name))) return;
    const names = await session.inDatabase(database.name, (inside) =>
      selectEnvironmentLogins(inside, environmentId),
    );
    for (const name of names) {
      await removeLogin(session, name, parts.roles);
      const resource = { kind: "role", driver: "database", serverId: server.id, physicalName: name };
      await context.resourceRemoved(resource);
    }
    await session.inDatabase(database.name, async (inside) => {
      await withoutTriggers(inside);
      let gone = false;
      while (!gone) {
        // A migration may have made some.
        const tables = await selectTables(inside);
        const progress: Progress = { deleted: 0, refused: undefined };
        for (const table of tables) await empty(inside, place, table, progress);
        if (progress.deleted === 0 && progress.refused) throw progress.refused;
        if (progress.deleted === 0) gone = await close(parts, inside, place, tables);
      }
    });
  });
}

/** A migration may have written rows since they were looked for: it is forgotten in a moment when there are none. */
async function close(
  parts: DriverParts,
  inside: Session,
  place: SharedPlace,
  tables: readonly string[],
): Promise<boolean> {
  const closed = await entered(inside, place, async () => {
    for (const table of tables) {
      if (await hasRows(inside, table, place.environmentId)) return false;
    }
    await forgetEnvironment(inside, place.environmentId, parts.roles);
    return true;
  });
  return closed === true;
}

type Progress = { deleted: number; refused: unknown };

async function empty(inside: Session, place: SharedPlace, table: string, progress: Progress): Promise<void> {
  for (;;) {
    const deleted = await entered(inside, place, () =>
      deleteBatch(inside, table, place.environmentId, batchSize),
    ).catch(async (error: unknown) => {
      await inside.change("rollback");
      if (databaseErrorCode(error) !== "23503") throw error;
      progress.refused = error;
      return 0;
    });
    progress.deleted += deleted ?? 0;
    if (!deleted) return;
  }
}
