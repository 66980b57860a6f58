import type { MigrationPlanReply, OperationReply, PlanMigrationRequest } from "@tenantry/contract";
import type { Db } from "../../infra/db/index.ts";
import type { Workflow } from "../../infra/workflow/index.ts";
import { failure, showId } from "../../kernel/index.ts";
import type { Operations } from "../operations/index.ts";
import {
  asMigrations,
  findingsOf,
  findRehearsal,
  findSchemaCheck,
  rehearsalOf,
  startRehearsal,
  startSchemaCheck,
} from "../placements/index.ts";
import { selectAppMigrations } from "./apps.sql.ts";
import { addedMigrations } from "./apps.ts";
import { selectBehindGroups, selectProduction } from "./migrations.sql.ts";
import { scopeOf } from "./scope.ts";

export type PlanDependencies = {
  db: Db;
  operations: Pick<Operations, "waitForEnd">;
  checkSchema: Workflow;
  rehearse: Workflow;
};

type Files = readonly { name: string; sql: string }[];

/**
 * What a migration would do: who is behind by how much, without touching anyone. With `migrations`, as if a release had
 * brought them: they are applied to an empty database, too, and `migration_failed` or `migration_changed` is thrown as
 * the release would. What is pending is rehearsed on a copy: of the tenant's production when one is named, else without
 * rows.
 */
export async function planMigration(
  deps: PlanDependencies,
  idOrSlug: string,
  { migrations, rehearsal: resumed, ...narrowed }: PlanMigrationRequest,
  caller: Caller,
): Promise<{ plan: MigrationPlanReply } | { rehearsing: OperationReply }> {
  const { app, tenantId, group } = await scopeOf(deps.db, idOrSlug, narrowed);
  const known = await selectAppMigrations(deps.db, app.id);
  const files = migrations && [...known, ...addedMigrations(known, migrations)];
  const schemaVersion = files?.length ?? app.schemaVersion;
  const groups = await selectBehindGroups(deps.db, { appId: app.id, schemaVersion, tenantId, group });
  const target = { appId: app.id, from: app.schemaVersion, tenantId, group, resumed };
  const until = Date.now() + Math.min(caller.waitMs, longestWaitMs);
  const trial = await tryFiles(deps, target, { known, files, schemaVersion }, { ...caller, until });
  if ("rehearsing" in trial) return trial;
  const { findings, rehearsal } = trial;
  const inUse = new Set(groups.map(({ level }) => level));
  const plan: MigrationPlanReply = {
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
  return { plan };
}

type Caller = {
  requestedBy: string;
  signal: AbortSignal;
  /** How long check and rehearsal are waited for; at most as long as anybody waits for an answer. */
  waitMs: number;
};

const longestWaitMs = 55_000;

type Target = {
  appId: string;
  from: number;
  tenantId: string | undefined;
  /** An operation that the same request was answered with before. */
  resumed: string | undefined;
};

type Trial = { findings: Awaited<ReturnType<typeof findingsOf>>; rehearsal: MigrationPlanReply["rehearsal"] };
type Waiting = Pick<Caller, "requestedBy" | "signal"> & { until: number };

/**
 * What levels don't hold of the files, and what those do that are pending; null when there is nothing to be rehearsed. The
 * operation when one of both goes on for longer than the caller waits.
 */
async function tryFiles(
  deps: PlanDependencies,
  { appId, from, tenantId, resumed }: Target,
  { known, files, schemaVersion: target }: { known: Files; files: Files | undefined; schemaVersion: number },
  caller: Waiting,
): Promise<Trial | { rehearsing: OperationReply }> {
  const { db } = deps;
  const behind = tenantId === undefined ? undefined : await selectProduction(db, appId, tenantId);
  const schemaVersion = behind?.schemaVersion ?? from;
  const { environmentId, slug = null } = behind ?? {};
  const input = { appId, migrations: asMigrations((files ?? known).slice(0, target)), environmentId };
  const checked = resumed && files ? await findSchemaCheck(db, resumed, input, "/rehearsal") : undefined;
  const rehearsed = resumed && !checked ? await findRehearsal(db, resumed, input) : undefined;
  let checkId = checked ?? rehearsed?.checkId;
  if (files) {
    checkId ??= await startSchemaCheck(db, deps.checkSchema, input, caller.requestedBy);
    const underWay = await unlessDone(deps, checkId, caller);
    if (underWay) return { rehearsing: underWay };
  }
  const findings = checkId ? await findingsOf(db, checkId) : [];
  if (schemaVersion >= target) return { findings, rehearsal: null };
  const id =
    rehearsed?.id ??
    (await startRehearsal(db, deps.rehearse, { ...input, schemaVersion, checkId }, caller.requestedBy));
  const underWay = await unlessDone(deps, id, caller);
  if (underWay) return { rehearsing: underWay };
  return { findings, rehearsal: { tenant: slug, ...(await rehearsalOf(db, id)) } };
}

/** The operation if it is under way when time is up. Throws what it failed with. */
async function unlessDone(
  { operations }: Pick<PlanDependencies, "operations">,
  id: string,
  { signal, until }: Waiting,
): Promise<OperationReply | undefined> {
  const waitMs = Math.max(0, until - Date.now());
  const operation = await operations.waitForEnd(showId("op", id), waitMs, signal);
  if (isUnderWay(operation)) return operation;
  requireSuccess(operation);
  return undefined;
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
  throw failure("operation_failed", { detail: `It is ${status}.`, extra });
}
