import type { EnvironmentMigration, MigrationListReply, StartMigrationRequest } from "@tenantry/contract";
import { type Db, inTransaction } from "../../infra/db/index.ts";
import { startOperation, type Workflow } from "../../infra/workflow/index.ts";
import { showId } from "../../kernel/index.ts";
import { lockApp } from "./apps.sql.ts";
import type { MigrateInput } from "./migrate-workflow.ts";
import {
  countMigrations,
  type MigrationFilter,
  type MigrationRow,
  selectMigrationRows,
} from "./migrations.sql.ts";
import { refuseOtherWork } from "./other-work.ts";
import { type Narrowed, scopeOf } from "./scope.ts";

export type MigrationDependencies = { db: Db; migrateWorkflow: Workflow<MigrateInput> };

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
