import { setTimeout as pause } from "node:timers/promises";
import type { SharedPlace, Sharing } from "../../../drivers/database/index.ts";
import type { Tx } from "../../../infra/db/index.ts";
import type { StepContext } from "../../../infra/workflow/index.ts";
import { failure, newId } from "../../../kernel/index.ts";
import { openDatabaseSecret, type PlacementParts, requireDriver } from "../parts.ts";
import {
  deletePlacement,
  insertPlacement,
  knownPlacement,
  type PlacementRow,
  updatePlacementCurrent,
} from "../placements.sql.ts";
import { chooseServer } from "../servers/choose-server.ts";
import { requireServer } from "../servers/servers.ts";
import { buildDatabase, creatingRow } from "./build-database.ts";
import { type DatabaseRow, insertCreating, selectDatabase } from "./databases.sql.ts";
import { lockShared, selectSharedDatabase } from "./shared-databases.sql.ts";
import type { DatabasePlaced, DatabaseWanted } from "./wanted.ts";

type Placed = Pick<PlacementRow, "id" | "state" | "databaseId" | "schemaVersion">;

const waitMs = 100;
const patienceMs = 30_000;

/**
 * Gives an environment a place in a database that it shares: one of its application that has room, or a new one.
 * Repeatable. Whoever comes while the first one is being made waits for it.
 */
export async function placeShared(
  parts: PlacementParts,
  context: StepContext,
  wanted: DatabaseWanted,
  sharing: Sharing,
): Promise<DatabasePlaced> {
  const placement = await claimPlace(parts, context, wanted);
  const databaseId = placement.databaseId!;
  const placed = {
    placementId: placement.id,
    databaseId,
    schemaVersion: placement.schemaVersion!,
    fromSpare: false,
  };
  if (placement.state === "current") return placed;
  await buildDatabase(parts, context, (await selectDatabase(context.db, databaseId))!, "in_use");
  const database = (await selectDatabase(context.db, databaseId))!;
  await sharing.admit(context, await sharedPlace(parts, context, database, wanted.environmentId));
  if (!wanted.next) await context.transaction((tx) => updatePlacementCurrent(tx, placement.id));
  return placed;
}

async function claimPlace(
  parts: PlacementParts,
  context: StepContext,
  wanted: DatabaseWanted,
): Promise<Placed> {
  const until = Date.now() + patienceMs;
  for (;;) {
    const placement = await context.transaction((tx) => joinOrBegin(parts, tx, wanted));
    if (placement) return placement;
    if (Date.now() > until) {
      throw failure("unavailable", { detail: "The application's shared database isn't ready yet." });
    }
    await pause(waitMs, undefined, { signal: context.signal });
  }
}

/** Undefined while another operation makes the database that this environment could join. */
async function joinOrBegin(
  parts: PlacementParts,
  tx: Tx,
  wanted: DatabaseWanted,
): Promise<Placed | undefined> {
  await lockShared(tx, wanted.appId);
  const known = await knownPlacement(tx, "database", wanted);
  if (known) return known;
  const standing = await selectSharedDatabase(tx, wanted);
  if (standing?.state === "creating") return undefined;
  if (standing) return insertFor(tx, { ...wanted, schemaVersion: standing.schemaVersion }, standing.id);
  const server = await chooseServer(tx, wanted);
  const row = creatingRow(parts, { ...wanted, id: newId(), serverId: server.id });
  await insertCreating(tx, row);
  return insertFor(tx, wanted, row.id);
}

/** The placement bears no physical name: nothing on the server has to be gone when the environment is. */
async function insertFor(tx: Tx, wanted: DatabaseWanted, databaseId: string): Promise<Placed> {
  const { environmentId, level: driver, schemaVersion } = wanted;
  const placement = { id: newId(), databaseId, state: "building" as const, schemaVersion };
  await insertPlacement(tx, { ...placement, environmentId, kind: "database", driver, physicalName: null });
  return placement;
}

/**
 * Takes an environment's rows out of the database that it shares, and forgets its place. False when it has a database to
 * itself, or one that was never finished.
 */
export async function leaveShared(
  parts: PlacementParts,
  context: StepContext,
  placement: PlacementRow,
): Promise<boolean> {
  if (!placement.databaseId) return false;
  const database = await selectDatabase(context.db, placement.databaseId);
  if (database?.state !== "in_use") return false;
  const { sharing } = requireDriver(parts.drivers, database.level);
  if (!sharing) return false;
  await sharing.dismiss(context, await sharedPlace(parts, context, database, placement.environmentId));
  await context.transaction((tx) => deletePlacement(tx, placement.id));
  return true;
}

async function sharedPlace(
  parts: PlacementParts,
  context: StepContext,
  database: DatabaseRow,
  environmentId: string,
): Promise<SharedPlace> {
  const { id, level, name, appId } = database;
  const server = await requireServer(context.db, parts.secrets, database.serverId);
  const { sealKey } = openDatabaseSecret(parts.secrets, { id, level, roleSecret: database.roleSecret });
  const physical = { name, roleName: database.roleName };
  return { server, database: physical, databaseId: id, appId, environmentId, sealKey: sealKey! };
}
