import { randomBytes } from "node:crypto";
import type { Tx } from "../../../infra/db/index.ts";
import type { StepContext } from "../../../infra/workflow/index.ts";
import { newId } from "../../../kernel/index.ts";
import { type PlacementParts, requireDriver, sealDatabaseSecret } from "../parts.ts";
import {
  insertPlacement,
  knownPlacement,
  type PlacementRow,
  updatePlacementCurrent,
} from "../placements.sql.ts";
import { hasOwnServer } from "../servers/choose-server.sql.ts";
import { chooseServer, findServerWithRoom } from "../servers/choose-server.ts";
import { reserveStartedServer } from "../servers/dedicated-servers.ts";
import { ensureDirectory } from "../servers/directory-server.ts";
import { buildDatabase, creatingRow } from "./build-database.ts";
import { claimSpare, type DatabaseRow, insertCreating, selectDatabase } from "./databases.sql.ts";
import { placeShared } from "./place-shared.ts";
import type { DatabasePlaced, DatabaseWanted } from "./wanted.ts";

/**
 * Gives an environment its database: a spare when there is one, which takes one short transaction, or a new one built
 * on the spot. Repeatable: an environment that has a database keeps it.
 */
export async function placeDatabase(
  parts: PlacementParts,
  context: StepContext,
  wanted: DatabaseWanted,
): Promise<DatabasePlaced> {
  const { sharing } = requireDriver(parts.drivers, wanted.level);
  if (sharing) return placeShared(parts, context, wanted, sharing);
  if (wanted.level === "sqlite") await ensureDirectory(parts, context);
  // Of no consequence until a database is declared, or the step is done.
  const begun = await context.transaction((tx) => claimOrReserve(parts, tx, wanted), { lazy: true });
  parts.onTaken();
  const { placement } = begun;
  const { id: placementId } = placement;
  const placed = {
    placementId,
    databaseId: placement.databaseId!,
    schemaVersion: placement.schemaVersion!,
  };
  if (placement.state === "current" || begun.fromSpare) return { ...placed, fromSpare: begun.fromSpare };
  const database = (await selectDatabase(context.db, placed.databaseId))!;
  await buildDatabase(parts, context, database, "in_use");
  if (!wanted.next) await context.transaction((tx) => updatePlacementCurrent(tx, placement.id));
  return { ...placed, fromSpare: false };
}

type Begun = {
  placement: Pick<PlacementRow, "id" | "state" | "databaseId" | "schemaVersion">;
  fromSpare: boolean;
};

async function claimOrReserve(parts: PlacementParts, tx: Tx, wanted: DatabaseWanted): Promise<Begun> {
  const { schemaVersion } = wanted;
  // A server that the operator keeps for one environment goes before one that we start.
  const kept = wanted.level === "dedicated" ? await findServerWithRoom(tx, wanted) : undefined;
  const placed = { id: newId(), state: wanted.next ? ("building" as const) : ("current" as const) };
  const spare = kept ? undefined : await claimSpare(tx, wanted, placed);
  if (spare) return { placement: { ...placed, databaseId: spare.id, schemaVersion }, fromSpare: true };
  const known = await knownPlacement(tx, "database", wanted);
  if (known) return { placement: known, fromSpare: false };
  const serverId = kept?.id ?? (await startedOrChosen(parts, tx, wanted));
  const id = newId();
  const roleSecret = wanted.level === "sqlite" ? await newFileSecret(parts, tx, id) : null;
  const row = creatingRow(parts, { ...wanted, id, serverId, roleSecret });
  await insertCreating(tx, row);
  return { placement: await insertFor(tx, wanted, row), fromSpare: false };
}

/** Kept before there is a file, so that whoever goes on after an interruption can read what is there. */
async function newFileSecret(parts: PlacementParts, tx: Tx, databaseId: string): Promise<Buffer | null> {
  if (!(await parts.encryptsFiles?.(tx))) return null;
  const encryptionKey = randomBytes(32).toString("base64");
  return sealDatabaseSecret(parts.secrets, databaseId, { password: null, encryptionKey });
}

async function startedOrChosen(parts: PlacementParts, tx: Tx, wanted: DatabaseWanted): Promise<string> {
  const mayStart =
    wanted.level === "dedicated" &&
    wanted.serverId === undefined &&
    !(await hasOwnServer(tx, wanted.environmentId));
  const started = mayStart ? await reserveStartedServer(parts, tx, wanted) : undefined;
  return started ?? (await chooseServer(tx, wanted)).id;
}

async function insertFor(
  tx: Tx,
  wanted: DatabaseWanted,
  database: Pick<DatabaseRow, "id" | "name">,
): Promise<Begun["placement"]> {
  const placement = {
    id: newId(),
    environmentId: wanted.environmentId,
    kind: "database" as const,
    driver: wanted.level,
    state: "building" as const,
    databaseId: database.id,
    physicalName: database.name,
    schemaVersion: wanted.schemaVersion,
  };
  await insertPlacement(tx, placement);
  return placement;
}
