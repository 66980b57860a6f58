import { setTimeout as delay } from "node:timers/promises";
import {
  type AppSchema,
  blueprintName,
  type DatabaseServer,
  isDirectory,
} from "../../../drivers/database/index.ts";
import type { StepContext } from "../../../infra/workflow/index.ts";
import { failure, hasCode, newId } from "../../../kernel/index.ts";
import { type PlacementParts, requireDriver } from "../parts.ts";
import { chooseAnyServer } from "../servers/choose-server.ts";
import { selectDirectories } from "../servers/servers.sql.ts";
import { openServer } from "../servers/servers.ts";
import {
  deleteBlueprint,
  deleteUnbegun,
  deleteUnfinished,
  insertCreating,
  selectDatabaseByName,
  selectDatabasesOn,
  selectMigrations,
  updateBlueprintReady,
} from "./databases.sql.ts";
import { rehearseShared } from "./migrate-database.ts";

/** How long the removal of a blueprint is waited for. */
const removalMs = 30_000;

type Wanted = { server: DatabaseServer; appId: string; schemaVersion: number };

/** On a PostgreSQL all levels begin with the same blueprint. */
const blueprintLevelOn = (server: DatabaseServer) => (isDirectory(server) ? "sqlite" : "database");

/**
 * Sees to it that a server has the blueprint of an app's schema version, and answers the schema. When it stands, that
 * is one look into the registry. Repeatable; any number may ask at once. Throws `migration_failed`.
 */
export async function ensureBlueprint(
  parts: PlacementParts,
  context: StepContext,
  wanted: Wanted,
): Promise<AppSchema> {
  const { server, appId, schemaVersion } = wanted;
  const level = blueprintLevelOn(server);
  const schema = { appId, migrations: await selectMigrations(context.db, appId, schemaVersion) };
  const name = blueprintName(schema);
  const known = await selectStaying(context, server.id, name);
  if (known?.state === "blueprint") return schema;
  await context.transaction((tx) =>
    insertCreating(tx, {
      id: newId(),
      serverId: server.id,
      appId,
      level,
      name,
      schemaVersion,
      roleName: null,
    }),
  );
  try {
    await requireDriver(parts.drivers, level).buildBlueprint(context, { server, schema });
  } catch (error) {
    if (hasCode(error, "migration_failed") || hasCode(error, "isolation_unavailable")) {
      await context.transaction((tx) => deleteUnfinished(tx, server.id, name));
    }
    if (hasCode(error, "server_unreachable")) {
      await context.transaction((tx) => deleteUnbegun(tx, server.id, name));
    }
    throw error;
  }
  await context.transaction((tx) => updateBlueprintReady(tx, server.id, name));
  return schema;
}

/** The database of that name. One on its way out is waited for: what is built in its place would be removed with it. */
async function selectStaying({ db, signal }: StepContext, serverId: string, name: string) {
  for (const until = Date.now() + removalMs; ; ) {
    const known = await selectDatabaseByName(db, serverId, name);
    if (known?.state !== "removing") return known;
    if (Date.now() > until)
      throw failure("unavailable", { detail: "The blueprint that stood before is still being removed." });
    await delay(50, undefined, { signal });
  }
}

/** Tries an app's migrations up to a version, on any server. Throws `migration_failed`. */
export async function tryMigrations(
  parts: PlacementParts,
  context: StepContext,
  wanted: { appId: string; schemaVersion: number },
): Promise<void> {
  await buildAnywhere(parts, context, wanted);
  await rehearseShared(parts, context, wanted);
  await rehearseFiles(parts, context, wanted);
}

/** One server that doesn't answer keeps no release from being tried on another. */
async function buildAnywhere(
  parts: PlacementParts,
  context: StepContext,
  wanted: { appId: string; schemaVersion: number },
): Promise<void> {
  const away: string[] = [];
  for (let reason: unknown; ; ) {
    const server = await context
      .transaction((tx) => chooseAnyServer(tx, away))
      .catch((error: unknown) => {
        throw hasCode(error, "no_capacity") ? (reason ?? error) : error;
      });
    try {
      await ensureBlueprint(parts, context, { ...wanted, server: openServer(parts.secrets, server) });
      return;
    } catch (error) {
      if (!hasCode(error, "server_unreachable")) throw error;
      reason = error;
      away.push(server.id);
    }
  }
}

/** The same where environments have files: a release that those can't follow touches nobody. */
async function rehearseFiles(
  parts: PlacementParts,
  context: StepContext,
  wanted: { appId: string; schemaVersion: number },
): Promise<void> {
  for (const row of await selectDirectories(context.db)) {
    const databases = await selectDatabasesOn(context.db, row.id);
    const used = databases.some(({ appId, state }) => appId === wanted.appId && state === "in_use");
    if (used) await ensureBlueprint(parts, context, { ...wanted, server: openServer(parts.secrets, row) });
  }
}

/** Somebody dropped the blueprint's database behind our back: whoever comes next builds it again. */
export async function forgetBlueprint(
  context: StepContext,
  server: DatabaseServer,
  schema: AppSchema,
): Promise<void> {
  await context.transaction((tx) => deleteBlueprint(tx, server.id, blueprintName(schema)));
}
