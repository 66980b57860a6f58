import { randomBytes } from "node:crypto";
import { type Db, inTransaction, type Tx } from "../../../infra/db/index.ts";
import { recordEvent } from "../../../infra/events/index.ts";
import { showId } from "../../../kernel/index.ts";
import { touchRuntime } from "../../environments/index.ts";
import { selectDatabase } from "../databases/databases.sql.ts";
import { mendingContext } from "../mending-context.ts";
import {
  type DatabaseSecret,
  openDatabaseSecret,
  type PlacementParts,
  requireDriver,
  sealDatabaseSecret,
} from "../parts.ts";
import { openServer } from "../servers/servers.ts";
import {
  type SharedDatabaseRow,
  selectDatabaseSecret,
  selectEnvironmentsIn,
  selectSharedDatabases,
  updateDatabaseSecret,
} from "./seal-checks.sql.ts";

/**
 * Gives each shared database of an app another secret, by which its processes prove whose rows they ask for. They hear of
 * it at once; the secret before is as good for ten minutes. What is interrupted is ended by a repetition, or by the next
 * look at the seals. Answers how many databases there are.
 */
export async function rotateSeals(
  db: Db,
  parts: PlacementParts,
  appId: string,
): Promise<{ databases: number }> {
  const databases = (await selectSharedDatabases(db)).filter((database) => database.appId === appId);
  for (const database of databases) await rotate(db, parts, database, { begin: true });
  return { databases: databases.length };
}

/** Ends a rotation that was interrupted, if there is one. */
export function endRotation(db: Db, parts: PlacementParts, database: SharedDatabaseRow): Promise<void> {
  return rotate(db, parts, database, { begin: false });
}

async function rotate(
  db: Db,
  parts: PlacementParts,
  { id, level, name, roleName, serverId, serverUrlSecret }: SharedDatabaseRow,
  { begin }: { begin: boolean },
): Promise<void> {
  // What the database is to have is written down before it has it: nothing else could tell afterwards.
  const next = await inTransaction(db, (tx) =>
    changeSecret(tx, parts, { id, level }, ({ nextSealKey, ...secret }) => {
      const sealKey = nextSealKey ?? (begin ? randomBytes(32).toString("base64") : undefined);
      return sealKey === nextSealKey ? undefined : { ...secret, nextSealKey: sealKey };
    }),
  );
  const sealKey = next?.nextSealKey;
  if (sealKey === undefined) return;
  const server = openServer(parts.secrets, { id: serverId, urlSecret: serverUrlSecret });
  const context = mendingContext(async () => (await selectDatabase(db, id))?.state === "in_use");
  const { sharing } = requireDriver(parts.drivers, level);
  await sharing!.rotateSecret(context, { server, database: { name, roleName }, databaseId: id, sealKey });
  await inTransaction(db, async (tx) => {
    let ended = false;
    await changeSecret(tx, parts, { id, level }, ({ nextSealKey, ...secret }) => {
      ended = nextSealKey === sealKey;
      return ended ? { ...secret, sealKey } : undefined;
    });
    if (!ended) return;
    await recordEvent(tx, {
      name: "database.secret-rotated",
      data: { database: name, serverId: showId("srv", serverId) },
    });
    await touchRuntime(tx, await selectEnvironmentsIn(tx, id));
  });
}

/** What `change` makes of a database's secret, which nobody else changes meanwhile; as it is when it makes nothing. */
async function changeSecret(
  tx: Tx,
  { secrets }: PlacementParts,
  database: { id: string; level: string },
  change: (secret: DatabaseSecret) => DatabaseSecret | undefined,
): Promise<DatabaseSecret | undefined> {
  const roleSecret = await selectDatabaseSecret(tx, database.id);
  if (!roleSecret) return undefined;
  const standing = openDatabaseSecret(secrets, { ...database, roleSecret });
  const changed = change(standing);
  if (changed) await updateDatabaseSecret(tx, database.id, sealDatabaseSecret(secrets, database.id, changed));
  return changed ?? standing;
}
