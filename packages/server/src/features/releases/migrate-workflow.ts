import type { Tx } from "../../infra/db/index.ts";
import { type StepContext, step, type Workflow } from "../../infra/workflow/index.ts";
import { showId } from "../../kernel/index.ts";
import { deleteFailuresOf, type Placements } from "../placements/index.ts";
import { lockApp } from "./apps.sql.ts";
import { findApp } from "./apps.ts";
import { runFleet, tooMany } from "./fleet-migration.ts";
import { isAnyHeld } from "./hold.sql.ts";
import { freeEnvironments, type RefreshRoutes } from "./hold.ts";
import { refuseOtherWork } from "./other-work.ts";

export type MigrateInput = {
  appId: string;
  tenantId?: string | undefined;
  group?: string | undefined;
  concurrency?: number | undefined;
};

type Context = StepContext<MigrateInput>;
type Dependencies = { placements: Pick<Placements, "migrateFleet">; refreshRoutes: RefreshRoutes };

/**
 * Brings databases that are behind to the schema of the app's current release: those that failed, and those that were
 * left at an older one. Each environment that was held back goes with the app again as soon as its own is done. What
 * failed is in the end the operation's failure; the others stay migrated.
 */
export function migrateWorkflow(deps: Dependencies): Workflow<MigrateInput> {
  return {
    kind: "app.migrate",
    version: 1,
    steps: [
      step("begin", {
        title: "Take up what failed before",
        run: (context) => context.transaction((tx) => begin(tx, context)),
      }),
      step("migrate", { title: "Migrate the tenants' databases", run: (context) => migrate(deps, context) }),
    ],
  };
}

/** One that failed may be retried, but not beside a release that came since. */
async function begin(tx: Tx, { operationId, input }: Context): Promise<void> {
  const app = await lockApp(tx, input.appId);
  await refuseOtherWork(tx, app!, { operationId });
  await deleteFailuresOf(tx, operationId);
}

async function migrate({ placements, refreshRoutes }: Dependencies, context: Context) {
  const { appId, tenantId, group, concurrency } = context.input;
  const { schemaVersion } = await findApp(context.db, showId("app", appId));
  const free = () =>
    context.transaction((tx) => freeEnvironments(tx, refreshRoutes, { appId, schemaVersion }));
  const tally = await runFleet(placements, context, {
    ...{ appId, schemaVersion, tenantId, group, concurrency, perServer: concurrency },
    async onMigrated(databaseIds) {
      if (await isAnyHeld(context.db, appId, databaseIds)) await free();
    },
  });
  // One may have caught up right before we were interrupted.
  if (await isAnyHeld(context.db, appId)) await free();
  if (tally.environmentsGivenUp > 0) throw await tooMany(context, tally, "run `tenantry migrate`");
  return { databases: tally.databases };
}
