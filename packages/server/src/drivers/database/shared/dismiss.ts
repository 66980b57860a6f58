import type pg from "pg";
import { databaseErrorCode } from "../../../infra/db/index.ts";
import { failure } from "../../../kernel/index.ts";
import { selectDatabase } from "../common/databases.sql.ts";
import { selectEnvironmentLogins } from "../common/logins.sql.ts";
import type { DriverParts } from "../common/parts.ts";
import { removeLogin } from "../common/remove.ts";
import { type Session, withSession } from "../common/session.ts";
import type { DriverContext, SharedPlace } from "../driver.ts";
import { asEnvironment } from "./as-environment.ts";
import { deleteBatch, forgetEnvironment, hasRows, selectTables } from "./environments.sql.ts";
import { lockAgainstMigrations } from "./migration/run.sql.ts";

const batchSize = 5_000;

/** So often may nothing be deleted and yet something be there: a migration may have written it. */
const vainRounds = 5;

/** Implements `Sharing.dismiss`. Rows that others still point to wait for the next round. */
export async function dismiss(parts: DriverParts, context: DriverContext, place: SharedPlace): Promise<void> {
  const { server, database, environmentId } = place;
  await withSession(parts.connect, context, server, `${database.name}/${environmentId}`, async (session) => {
    if (!(await selectDatabase(session, database.name))) return;
    await removeLogins(parts, session, context, place);
    await session.inDatabase(database.name, (inside) =>
      asEnvironment(
        parts,
        session,
        context,
        place,
        (client) => emptyAll(parts, context, inside, client, place),
        {
          withoutTriggers: true,
        },
      ),
    );
  });
}

async function removeLogins(
  parts: DriverParts,
  session: Session,
  context: DriverContext,
  { server, database, environmentId }: SharedPlace,
): Promise<void> {
  const names = await session.inDatabase(database.name, (inside) =>
    selectEnvironmentLogins(inside, environmentId),
  );
  for (const name of names) {
    await removeLogin(session, name, parts.roles);
    const resource = { kind: "role", driver: "database", serverId: server.id, physicalName: name };
    await context.resourceRemoved(resource);
  }
}

async function emptyAll(
  parts: DriverParts,
  context: DriverContext,
  inside: Session,
  client: pg.Client,
  place: SharedPlace,
): Promise<void> {
  for (let vain = 0; ; ) {
    // A migration may have made some.
    const tables = await selectTables(inside);
    const progress: Progress = { deleted: 0, refused: undefined };
    for (const table of tables) await empty(context, client, place, table, progress);
    if (progress.deleted > 0) {
      vain = 0;
      continue;
    }
    if (progress.refused) throw progress.refused;
    const full = await close(parts, inside, client, place, tables);
    if (!full) return;
    vain += 1;
    if (vain === vainRounds) throw keptBack(full);
  }
}

/** A migration may have written rows since they were looked for: it is forgotten in a moment when there are none. */
async function close(
  parts: DriverParts,
  inside: Session,
  client: pg.Client,
  place: SharedPlace,
  tables: readonly string[],
): Promise<string | undefined> {
  await inside.change("begin");
  await inside.change(lockAgainstMigrations);
  let full: string | undefined;
  for (const table of tables) if (await hasRows(client, table, place.environmentId)) full ??= table;
  if (!full) await forgetEnvironment(inside, place.environmentId, parts.roles);
  await inside.change("commit");
  return full;
}

type Progress = { deleted: number; refused: unknown };

async function empty(
  context: DriverContext,
  client: pg.Client,
  place: SharedPlace,
  table: string,
  progress: Progress,
): Promise<void> {
  for (;;) {
    await context.assertLease();
    context.signal.throwIfAborted();
    const deleted = await deleteBatch(client, table, place.environmentId, batchSize).catch(
      (error: unknown) => {
        if (databaseErrorCode(error) !== "23503") throw error;
        progress.refused = error;
        return 0;
      },
    );
    progress.deleted += deleted;
    if (deleted === 0) return;
  }
}

const keptBack = (table: string): Error =>
  failure("internal", {
    detail: `The environment's rows in ${table} can't be deleted: a trigger of the application keeps them back.`,
  });
