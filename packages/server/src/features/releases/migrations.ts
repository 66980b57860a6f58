import { createHash } from "node:crypto";
import type {
  EnvironmentMigration,
  MigrationListReply,
  MigrationPlanReply,
  PlanMigrationRequest,
  StartMigrationRequest,
} from "@tenantry/contract";
import { type Db, inTransaction } from "../../infra/db/index.ts";
import { startOperation, type Workflow } from "../../infra/workflow/index.ts";
import { failure, showId } from "../../kernel/index.ts";
import type { Operations } from "../operations/index.ts";
import { findingsOf, rehearsalOf, startRehearsal, startSchemaCheck } from "../placements/index.ts";
import { lockApp, selectAppMigrations } from "./apps.sql.ts";
import { addedMigrations } from "./apps.ts";
import type { MigrateInput } from "./migrate-workflow.ts";
import {
  countMigrations,
  type MigrationFilter,
  type MigrationRow,
  selectBehindGroups,
  selectMigrationRows,
  selectProduction,
} from "./migrations.sql.ts";
import { refuseOtherWork } from "./other-work.ts";
import { type Narrowed, scopeOf } from "./scope.ts";

export type MigrationDependencies = {
  db: Db;
  operations: Pick<Operations, "waitForEnd">;
  migrateWorkflow: Workflow<MigrateInput>;
  checkSchema: Workflow;
  rehearse: Workflow;
};

/** Starts the migration of what is behind. Throws `operation_in_progress` while another, or a release, is under way. */
export async function startMigration(
  deps: MigrationDependencies,
  idOrSlug: string,
  { concurrency, ...narrowed }: StartMigrationRequest,
  requestedBy: string,
): Promise<string> {
  const { app, tenantId, group } = await scopeOf(deps.db, idOrSlug, narrowed);
  return inTransaction(deps.db, async (tx) => {
    await refuseOtherWork(tx, (await lockApp(tx, app.id))!);
    const input: MigrateInput = { appId: app.id, tenantId, group, concurrency };
    return startOperation(tx, {
      ...{ workflow: deps.migrateWorkflow, input, exclusive: false, requestedBy },
      ...(tenantId === undefined ? {} : { tenantId }),
    });
  });
}

type ListQuery = Narrowed & {
  state?: MigrationFilter["state"];
  limit: number;
  after: string | undefined;
};

/** How far each of an app's environments is. `nextAfter` is the last one's id when there are more. */
export async function listMigrations(
  db: Db,
  idOrSlug: string,
  { state, limit, after, ...narrowed }: ListQuery,
): Promise<Omit<MigrationListReply, "nextCursor"> & { nextAfter: string | undefined }> {
  const { app, tenantId, group } = await scopeOf(db, idOrSlug, narrowed);
  const { schemaVersion } = app;
  const filter = { appId: app.id, schemaVersion, tenantId, group };
  const [counts, rows] = await Promise.all([
    countMigrations(db, filter),
    selectMigrationRows(db, { ...filter, state }, { limit, after }),
  ]);
  const shown = rows.slice(0, limit);
  const nextAfter = rows.length > limit ? shown.at(-1)!.environmentId : undefined;
  return { schemaVersion, counts, items: shown.map((row) => show(row, schemaVersion)), nextAfter };
}

function show({ failure: failed, failedAt, ...row }: MigrationRow, wanted: number): EnvironmentMigration {
  const state = failed ? "failed" : row.schemaVersion < wanted ? "behind" : "current";
  return {
    tenantId: showId("tnt", row.tenantId),
    tenantSlug: row.slug,
    environmentId: showId("env", row.environmentId),
    environment: row.environment,
    level: row.level,
    server: row.server,
    schemaVersion: row.schemaVersion,
    state,
    heldRelease: row.heldRelease,
    failure: failed && {
      operationId: showId("op", failed.operationId),
      targetVersion: failed.targetVersion,
      attempts: failed.attempts,
      failedAt: failedAt!.toISOString(),
      code: failed.error.code,
      detail: failed.error.detail ?? failed.error.title,
      remedy: failed.error.remedy ?? null,
    },
  };
}

type Files = readonly { name: string; sql: string }[];

/**
 * What a migration would do: who is behind by how much, without touching anyone. With `migrations`, as if a release had
 * brought them: they are applied to an empty database, too, and `migration_failed` or `migration_changed` is thrown as
 * the release would. What is pending is rehearsed on a copy: of the tenant's production when one is named, else without
 * rows.
 */
export async function planMigration(
  deps: MigrationDependencies,
  idOrSlug: string,
  { migrations, ...narrowed }: PlanMigrationRequest,
  caller: { requestedBy: string; signal: AbortSignal },
): Promise<MigrationPlanReply> {
  const { app, tenantId, group } = await scopeOf(deps.db, idOrSlug, narrowed);
  const known = await selectAppMigrations(deps.db, app.id);
  const files = migrations && [...known, ...addedMigrations(known, migrations)];
  const schemaVersion = files?.length ?? app.schemaVersion;
  const groups = await selectBehindGroups(deps.db, { appId: app.id, schemaVersion, tenantId, group });
  const findings = files ? await tryOut(deps, files, caller) : [];
  const target = { appId: app.id, from: app.schemaVersion, tenantId };
  const rehearsal = await rehearse(deps, target, (files ?? known).slice(0, schemaVersion), caller);
  const inUse = new Set(groups.map(({ level }) => level));
  return {
    schemaVersion,
    groups: groups.map((one) => ({
      ...one,
      pending: (files ?? known).slice(one.schemaVersion, schemaVersion).map(({ name }) => name),
    })),
    tried: files !== undefined,
    rehearsal,
    refused: findings
      .filter(({ severity, level }) => severity === "refused" && inUse.has(level))
      .map(({ level, object, problem, remedy }) => ({ level, object, problem, remedy })),
  };
}

const waitMs = 55_000;

async function tryOut(
  { db, operations, checkSchema }: MigrationDependencies,
  files: Files,
  { requestedBy, signal }: { requestedBy: string; signal: AbortSignal },
) {
  const id = await startSchemaCheck(db, checkSchema, { migrations: asMigrations(files) }, requestedBy);
  await succeeded(operations, id, signal);
  return findingsOf(db, id);
}

const asMigrations = (files: Files) =>
  files.map(({ name, sql }, index) => ({
    ...{ ordinal: index + 1, name, sql },
    checksum: createHash("sha256").update(sql).digest("hex"),
  }));

/** Null when there is nothing to be rehearsed. */
async function rehearse(
  { db, operations, rehearse: workflow }: MigrationDependencies,
  { appId, from, tenantId }: { appId: string; from: number; tenantId: string | undefined },
  files: Files,
  { requestedBy, signal }: { requestedBy: string; signal: AbortSignal },
): Promise<MigrationPlanReply["rehearsal"]> {
  const behind = tenantId === undefined ? undefined : await selectProduction(db, appId, tenantId);
  const schemaVersion = behind?.schemaVersion ?? from;
  if (schemaVersion >= files.length) return null;
  const { environmentId, slug = null } = behind ?? {};
  const input = { appId, migrations: asMigrations(files), schemaVersion, environmentId };
  const id = await startRehearsal(db, workflow, input, requestedBy);
  await succeeded(operations, id, signal);
  return { tenant: slug, ...(await rehearsalOf(db, id)) };
}

async function succeeded(
  operations: MigrationDependencies["operations"],
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const { status, error } = await operations.waitForEnd(showId("op", id), waitMs, signal);
  const extra = { operationId: showId("op", id) };
  if (status === "succeeded") return;
  if (status === "failed" && error) {
    const code = error.code === "migration_failed" ? "migration_failed" : "operation_failed";
    throw failure(code, { detail: error.detail ?? error.title, remedy: error.remedy, extra });
  }
  const detail = "The files aren't tried yet: they take long.";
  throw failure("busy", { detail, extra, retryAfterSeconds: 30 });
}
