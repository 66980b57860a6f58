import { BlueprintGone } from "../../../drivers/database/index.ts";
import { databaseErrorCode, type Tx } from "../../../infra/db/index.ts";
import type { StepContext } from "../../../infra/workflow/index.ts";
import { failure } from "../../../kernel/index.ts";
import { openDatabaseSecret, type PlacementParts, requireDriver, sealDatabaseSecret } from "../parts.ts";
import { deletePlacement } from "../placements.sql.ts";
import { requireRoom } from "../servers/choose-server.ts";
import { readyServer, vacateServer } from "../servers/dedicated-servers.ts";
import { forgetBlueprint, standingBlueprint } from "./blueprints.ts";
import {
  type DatabaseRow,
  type DatabaseState,
  deleteDatabase,
  insertCreating,
  selectDatabase,
  updateBuilt,
  updateRemoving,
} from "./databases.sql.ts";
import { removeFromServer } from "./remove-from-server.ts";

export type NewDatabase = Pick<DatabaseRow, "id" | "serverId" | "appId" | "level" | "schemaVersion"> &
  Partial<Pick<DatabaseRow, "roleSecret">>;

/** The row of a database that is about to be built: names follow from ids. */
export function creatingRow(parts: Pick<PlacementParts, "drivers">, database: NewDatabase) {
  const { appId, id: databaseId, level } = database;
  return { ...database, ...requireDriver(parts.drivers, level).nameOf({ appId, databaseId }) };
}

/**
 * Builds a database with its role, from its row in state `creating` to `state`. Repeatable: a row that is further
 * already stays as it is, and what an earlier attempt made is used or made again.
 */
export async function buildDatabase(
  parts: PlacementParts,
  context: StepContext,
  database: NewDatabase,
  state: "spare" | "in_use",
): Promise<void> {
  // A finished one may be in use by now: building once more would change its password.
  const known = await selectDatabase(context.db, database.id);
  if (known && known.state !== "creating") return;
  const driver = requireDriver(parts.drivers, database.level);
  const server = await readyServer(parts, context, database.serverId);
  const blueprint = await standingBlueprint(parts, context, { ...database, server });
  const { schema } = blueprint;
  const { encryptionKey } = keyOf(parts, database);
  // The driver declares what it makes; a row that is lost before is written again.
  await context.transaction((tx) => reserve(parts, tx, database), { lazy: true });
  const built = await driver
    .prepare(context, { server, schema })
    .then(() => driver.build(context, { server, databaseId: database.id, schema, encryptionKey }))
    .catch(async (error: unknown) => {
      if (databaseErrorCode(error) !== "3D000" && !(error instanceof BlueprintGone)) throw error;
      await forgetBlueprint(context, blueprint);
      throw failure("unavailable", { detail: "The blueprint is gone; it is built again." }, { cause: error });
    });
  const { password, sealKey } = built;
  const roleSecret =
    password === null
      ? (database.roleSecret ?? null)
      : sealDatabaseSecret(parts.secrets, database.id, { password, ...(sealKey ? { sealKey } : {}) });
  await context.transaction((tx) => updateBuilt(tx, { id: database.id, state, roleSecret }), { lazy: true });
}

/** What a file is to be encrypted with was kept before it is made. */
function keyOf({ secrets }: PlacementParts, { id, level, roleSecret }: NewDatabase) {
  return level === "sqlite"
    ? openDatabaseSecret(secrets, { id, level, roleSecret: roleSecret ?? null })
    : { encryptionKey: undefined };
}

/** A tenant's database has its row before it comes here; a spare's takes what room is left. */
async function reserve(parts: PlacementParts, tx: Tx, database: NewDatabase): Promise<void> {
  if (!(await selectDatabase(tx, database.id))) await requireRoom(tx, database.serverId);
  await insertCreating(tx, creatingRow(parts, database));
}

/**
 * Removes a database with its role from its server, and then its rows from the registry. Repeatable. One whose state
 * isn't in `from` stays: a spare may have found its tenant in the meantime.
 */
export async function removeDatabase(
  parts: PlacementParts,
  context: StepContext,
  databaseId: string,
  options: { from: readonly DatabaseState[]; placementId?: string },
): Promise<void> {
  const database = await context.transaction((tx) => updateRemoving(tx, databaseId, options.from));
  if (!database) return;
  const forget = async (tx: Tx) => {
    if (options.placementId) await deletePlacement(tx, options.placementId);
    await deleteDatabase(tx, database.id);
  };
  if (database.level === "dedicated") return vacateServer(parts, context, database, forget);
  await removeFromServer(parts, context, database);
  await context.transaction(forget);
}
