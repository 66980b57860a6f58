import { isDeepStrictEqual } from "node:util";
import type { AppReply, CreateReleaseRequest } from "@tenantry/contract";
import type { Db, Tx } from "../../infra/db/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { failure, newId, parseId, showId } from "../../kernel/index.ts";
import { asMigrations } from "../placements/index.ts";
import {
  type AppMigrationRow,
  type AppRow,
  countTenantsOf,
  insertAppMigration,
  selectApp,
  selectAppBySlug,
  selectAppHeld,
  selectAppMigrations,
} from "./apps.sql.ts";
import { selectInstances } from "./instances.sql.ts";
import { insertRelease, type ReleaseRow, selectRelease } from "./releases.sql.ts";
import { openVariables, storeVariables } from "./variables.ts";

/** Finds an app by its id (`app_…`) or its slug; `app_not_found` when there is none. */
export async function findApp(db: Db | Tx, idOrSlug: string): Promise<AppRow> {
  const id = parseId("app", idOrSlug);
  const app = id ? await selectApp(db, id) : await selectAppBySlug(db, idOrSlug);
  if (!app) throw failure("app_not_found", { detail: `There is no application "${idOrSlug.slice(0, 60)}".` });
  return app;
}

/** The app as it stands, and as it stays until the transaction ends: no release switches to another schema meanwhile. */
export async function holdApp(tx: Tx, id: string): Promise<AppRow> {
  const app = await selectAppHeld(tx, id);
  if (!app) throw failure("app_not_found");
  return app;
}

/**
 * Records a release and the migrations it adds. Those that stand already must come again, unchanged and in their
 * order: `migration_changed` names the first that doesn't.
 */
export async function recordRelease(
  tx: Tx,
  secrets: Secrets,
  app: AppRow,
  request: CreateReleaseRequest,
): Promise<{ id: string; schemaVersion: number }> {
  const known = await selectAppMigrations(tx, app.id);
  const added = addedMigrations(known, request.migrations);
  for (const migration of added) await insertAppMigration(tx, app.id, migration);
  const id = newId();
  const schemaVersion = known.length + added.length;
  await insertRelease(tx, {
    id,
    appId: app.id,
    upstreamUrl: request.upstreamUrl ?? null,
    command: request.command ?? null,
    workingDirectory: request.workingDirectory ?? null,
    ...(await storeVariables(tx, secrets, { id, variables: request.variables })),
    healthPath: request.healthPath,
    schemaVersion,
  });
  return { id, schemaVersion };
}

/** The release that the app's tenants see; undefined until the first one is ready. */
export async function currentRelease(db: Db, app: AppRow): Promise<ReleaseRow | undefined> {
  return app.currentReleaseId ? selectRelease(db, app.currentReleaseId) : undefined;
}

/** Whether the app's current release is what `request` would make. */
export async function isCurrentRelease(
  { db, secrets }: { db: Db; secrets: Secrets },
  app: AppRow,
  request: CreateReleaseRequest,
): Promise<boolean> {
  const release = await currentRelease(db, app);
  if (!release) return false;
  const known = await selectAppMigrations(db, app.id);
  return (
    release.schemaVersion === request.migrations.length &&
    addedMigrations(known, request.migrations).length === 0 &&
    release.command === (request.command ?? null) &&
    release.upstreamUrl === (request.upstreamUrl ?? null) &&
    release.workingDirectory === (request.workingDirectory ?? null) &&
    release.healthPath === request.healthPath &&
    isDeepStrictEqual(openVariables(secrets, release), request.variables)
  );
}

export function addedMigrations(
  known: readonly AppMigrationRow[],
  sent: readonly { name: string; sql: string }[],
): AppMigrationRow[] {
  const given = asMigrations(sent);
  const seen = new Set<string>();
  for (const [index, migration] of given.entries()) {
    if (seen.has(migration.name)) {
      throw failure("invalid_request", {
        detail: `Two migrations have the name ${migration.name}.`,
        errors: [{ pointer: `/migrations/${index}/name`, message: "must be unique" }],
      });
    }
    seen.add(migration.name);
  }
  for (const [index, before] of known.entries()) {
    const now = given[index];
    if (now?.name === before.name && now.checksum === before.checksum) continue;
    const detail =
      now?.name === before.name
        ? `${before.name} was applied in another form.`
        : `${before.name} was applied as number ${before.ordinal}, where ${now ? now.name : "nothing"} stands now.`;
    throw failure("migration_changed", {
      detail,
      errors: [{ pointer: `/migrations/${index}`, message: detail }],
    });
  }
  return given.slice(known.length);
}

/** Apps as the API shows them. */
export async function showApps(db: Db, apps: readonly AppRow[]): Promise<AppReply[]> {
  const ids = apps.map((app) => app.id);
  const [tenants, instances] = await Promise.all([countTenantsOf(db, ids), selectInstances(db, ids)]);
  return Promise.all(
    apps.map(async (app) => {
      const release = await currentRelease(db, app);
      return {
        id: showId("app", app.id),
        slug: app.slug,
        schemaVersion: app.schemaVersion,
        tenants: tenants.get(app.id) ?? 0,
        createdAt: app.createdAt.toISOString(),
        currentRelease: release
          ? {
              id: showId("rel", release.id),
              number: release.number,
              upstreamUrl: release.upstreamUrl,
              command: release.command,
              createdAt: release.createdAt.toISOString(),
            }
          : null,
        instances: instances
          .filter((instance) => instance.appId === app.id)
          .map((instance) => ({
            id: showId("ins", instance.id),
            url: instance.url,
            state: instance.state,
            restarts: instance.restarts,
            lastError: instance.lastError,
          })),
      };
    }),
  );
}
