import { createHash } from "node:crypto";
import type {
  EnvironmentMigration,
  MigrationListReply,
  MigrationPlanReply,
  OperationReply,
  PlanMigrationRequest,
  StartMigrationRequest,
} from "@tenantry/contract";
import { type Db, inTransaction } from "../../infra/db/index.ts";
import { startOperation, type Workflow } from "../../infra/workflow/index.ts";
import { failure, showId } from "../../kernel/index.ts";
import type { Operations } from "../operations/index.ts";
import {
  findingsOf,
  findRehearsal,
  rehearsalOf,
  startRehearsal,
  startSchemaCheck,
} from "../placements/index.ts";
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
  { migrations, rehearsal: rehearsedBy, ...narrowed }: PlanMigrationRequest,
  caller: Caller,
): Promise<{ plan: MigrationPlanReply } | { rehearsing: OperationReply }> {
  const { app, tenantId, group } = await scopeOf(deps.db, idOrSlug, narrowed);
  const known = await selectAppMigrations(deps.db, app.id);
  const files = migrations && [...known, ...addedMigrations(known, migrations)];
  const schemaVersion = files?.length ?? app.schemaVersion;
  const groups = await selectBehindGroups(deps.db, { appId: app.id, schemaVersion, tenantId, group });
  const findings = files ? await tryOut(deps, files, caller) : [];
  const target = { appId: app.id, from: app.schemaVersion, tenantId, rehearsedBy };
  const rehearsed = await rehearse(deps, target, (files ?? known).slice(0, schemaVersion), caller);
  if ("rehearsing" in rehearsed) return rehearsed;
  const inUse = new Set(groups.map(({ level }) => level));
  const plan: MigrationPlanReply = {
    schemaVersion,
    groups: groups.map((one) => ({
      ...one,
      pending: (files ?? known).slice(one.schemaVersion, schemaVersion).map(({ name }) => name),
    })),
    tried: files !== undefined,
    rehearsal: rehearsed.rehearsal,
    refused: findings
      .filter(({ severity, level }) => severity === "refused" && inUse.has(level))
      .map(({ level, object, problem, remedy }) => ({ level, object, problem, remedy })),
  };
  return { plan };
}

type Caller = {
  requestedBy: string;
  signal: AbortSignal;
  /** How long a rehearsal is waited for; at most as long as anybody waits for an answer. */
  waitMs: number;
};

const longestWaitMs = 55_000;

async function tryOut(
  { db, operations, checkSchema }: MigrationDependencies,
  files: Files,
  { requestedBy, signal }: Pick<Caller, "requestedBy" | "signal">,
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

type Target = {
  appId: string;
  from: number;
  tenantId: string | undefined;
  /** An operation that has done it already. */
  rehearsedBy: string | undefined;
};

/** Null when there is nothing to be rehearsed; the operation when it goes on for longer than the caller waits. */
async function rehearse(
  { db, operations, rehearse: workflow }: MigrationDependencies,
  { appId, from, tenantId, rehearsedBy }: Target,
  files: Files,
  { requestedBy, signal, waitMs }: Caller,
): Promise<{ rehearsal: MigrationPlanReply["rehearsal"] } | { rehearsing: OperationReply }> {
  const behind = tenantId === undefined ? undefined : await selectProduction(db, appId, tenantId);
  const schemaVersion = behind?.schemaVersion ?? from;
  if (schemaVersion >= files.length) return { rehearsal: null };
  const { environmentId, slug = null } = behind ?? {};
  const input = { appId, migrations: asMigrations(files), schemaVersion, environmentId };
  const id = rehearsedBy
    ? await findRehearsal(db, rehearsedBy, input)
    : await startRehearsal(db, workflow, input, requestedBy);
  const operation = await operations.waitForEnd(showId("op", id), Math.min(waitMs, longestWaitMs), signal);
  if (isUnderWay(operation)) return { rehearsing: operation };
  requireSuccess(operation);
  return { rehearsal: { tenant: slug, ...(await rehearsalOf(db, id)) } };
}

async function succeeded(
  operations: MigrationDependencies["operations"],
  id: string,
  signal: AbortSignal,
): Promise<void> {
  requireSuccess(await operations.waitForEnd(showId("op", id), longestWaitMs, signal));
}

const isUnderWay = ({ status }: OperationReply): boolean =>
  ["queued", "running", "waiting", "undoing"].includes(status);

function requireSuccess({ id, status, error }: OperationReply): void {
  const extra = { operationId: id };
  if (status === "succeeded") return;
  if (status === "failed" && error) {
    const code = error.code === "migration_failed" ? "migration_failed" : "operation_failed";
    throw failure(code, { detail: error.detail ?? error.title, remedy: error.remedy, extra });
  }
  if (status === "cancelled") throw failure("operation_failed", { detail: "It was cancelled.", extra });
  const detail = "The files aren't tried yet: they take long.";
  throw failure("busy", { detail, extra, retryAfterSeconds: 30 });
}
