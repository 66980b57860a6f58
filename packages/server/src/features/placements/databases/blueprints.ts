import { setTimeout as delay } from "node:timers/promises";
import {
  type AppSchema,
  blueprintName,
  type DatabaseServer,
  isDirectory,
} from "../../../drivers/database/index.ts";
import type { StepContext } from "../../../infra/workflow/index.ts";
import { failure, hasCode, newId } from "../../../kernel/index.ts";
import { type PlacementParts, requireDriver, requirePostgres } from "../parts.ts";
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
  selectFindings,
  selectMigrations,
  updateBlueprintReady,
  updateFindings,
} from "./databases.sql.ts";
import { rehearseShared } from "./migrate-database.ts";

/** How long the removal of a blueprint is waited for. */
const removalMs = 30_000;
/** How often one is built that others remove. */
const mostTimes = 5;

type Wanted = { server: DatabaseServer; appId: string; schemaVersion: number };

/** On a PostgreSQL all levels begin with the same blueprint. */
const blueprintLevelOn = (server: DatabaseServer) => (isDirectory(server) ? "sqlite" : "database");

/** A blueprint that stands: its row, and the schema in it. */
export type StandingBlueprint = { id: string; schema: AppSchema };

/**
 * Sees to it that a server has the blueprint of an app's schema version, and answers the schema. When it stands, that
 * is one look into the registry. Repeatable; any number may ask at once. Throws `migration_failed`.
 */
export async function ensureBlueprint(
  parts: PlacementParts,
  context: StepContext,
  wanted: Wanted,
): Promise<AppSchema> {
  return (await standingBlueprint(parts, context, wanted)).schema;
}

/** The same, for whoever has to say later which one it was that he found gone. */
export async function standingBlueprint(
  parts: PlacementParts,
  context: StepContext,
  wanted: Wanted,
): Promise<StandingBlueprint> {
  const { appId, schemaVersion } = wanted;
  const schema = { appId, migrations: await selectMigrations(context.db, appId, schemaVersion) };
  for (let time = 1; time <= mostTimes; time += 1) {
    const noted = await noteBlueprint(context, wanted, blueprintName(schema));
    if (noted?.state === "blueprint") return { id: noted.id, schema };
    if (noted?.state !== "creating") continue;
    const { id } = noted;
    await build(parts, context, wanted, schema);
    // Whoever built it before us may have had it removed while we waited for him: then what we know of it went, too.
    if (await context.transaction((tx) => updateBlueprintReady(tx, id))) return { id, schema };
  }
  throw failure("unavailable", { detail: "The blueprint is removed by others as often as it is built." });
}

/** Its row, written before anything stands; undefined or on its way out where others were quicker. */
async function noteBlueprint(context: StepContext, wanted: Wanted, name: string) {
  const { server, appId, schemaVersion } = wanted;
  const known = await selectStaying(context, server.id, name);
  if (known) return known;
  const row = { appId, level: blueprintLevelOn(server), name, schemaVersion, roleName: null } as const;
  return context.transaction(async (tx) => {
    await insertCreating(tx, { id: newId(), serverId: server.id, ...row });
    // Ours, or that of another who came first.
    return selectDatabaseByName(tx, server.id, name);
  });
}

async function build(
  parts: PlacementParts,
  context: StepContext,
  { server }: Wanted,
  schema: AppSchema,
): Promise<void> {
  const name = blueprintName(schema);
  try {
    await requireDriver(parts.drivers, blueprintLevelOn(server)).buildBlueprint(context, { server, schema });
  } catch (error) {
    if (hasCode(error, "migration_failed") || hasCode(error, "isolation_unavailable")) {
      await context.transaction((tx) => deleteUnfinished(tx, server.id, name));
    }
    if (hasCode(error, "server_unreachable")) {
      await context.transaction((tx) => deleteUnbegun(tx, server.id, name));
    }
    throw error;
  }
}

/** What the levels can't hold is known from now on, so that who wants to go there is refused at once. */
async function noteFindings(
  { drivers }: PlacementParts,
  context: StepContext,
  { server, schema }: { server: DatabaseServer; schema: AppSchema },
): Promise<void> {
  const { appId, migrations } = schema;
  if (migrations.length === 0 || (await selectFindings(context.db, appId, migrations.length))) return;
  const findings = await requirePostgres(drivers, "database").findingsOf(context, { server, schema });
  await context.transaction((tx) => updateFindings(tx, schema, findings));
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
      const opened = openServer(parts.secrets, server);
      const schema = await ensureBlueprint(parts, context, { ...wanted, server: opened });
      await noteFindings(parts, context, { server: opened, schema });
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
export async function forgetBlueprint(context: StepContext, { id }: StandingBlueprint): Promise<void> {
  await context.transaction((tx) => deleteBlueprint(tx, id));
}
