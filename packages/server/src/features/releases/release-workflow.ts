import { sql, type Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import { type Outcome, type StepContext, step, type Workflow } from "../../infra/workflow/index.ts";
import { failure, showId } from "../../kernel/index.ts";
import { deleteFailuresOf, isPending, type Placements } from "../placements/index.ts";
import {
  deleteUnusedAppMigrations,
  lockApp,
  selectAppMigrations,
  updateCurrentRelease,
  updateNextRelease,
} from "./apps.sql.ts";
import { allowedFailures, runFleet } from "./fleet-migration.ts";
import { type RefreshRoutes, switchWithHolds } from "./hold.ts";
import { selectInstances } from "./instances.sql.ts";
import { refuseOtherWork } from "./other-work.ts";
import { isNewestRelease, selectRelease } from "./releases.sql.ts";

export type ReleaseInput = {
  appId: string;
  releaseId: string;
  schemaVersion: number;
  /** Environments that may fail to be migrated. */
  maxFailures?: number | undefined;
};

type Context = StepContext<ReleaseInput>;
type Migrations = Pick<Placements, "tryMigrations" | "dropTrials" | "migrateFleet">;
type Dependencies = { placements: Migrations; refreshRoutes: RefreshRoutes };

const startTimeoutMs = 60_000;

/**
 * Makes a release the one that the app's tenants see: first its schema, then its processes, then the traffic. A
 * release that fails on the way changes nothing for anyone. Environments whose database can't be migrated keep the
 * release that they have, and the others go on, unless that many fail that the release itself does.
 */
export function releaseWorkflow(deps: Dependencies): Workflow<ReleaseInput> {
  const { placements } = deps;
  return {
    kind: "app.release",
    version: 1,
    attempts: 1,
    steps: [
      step("build-blueprint", {
        title: "Apply the migrations to a blueprint",
        async run(context) {
          await requireWhole(context);
          await context.transaction((tx) => begin(tx, context));
          await placements.tryMigrations(context, context.input);
        },
      }),
      step("migrate-tenants", {
        title: "Migrate the tenants' databases",
        run: (context) => migrateTenants(placements, context),
      }),
      step("start-instances", {
        title: "Start the application",
        run: startInstances,
        undo: (context) => context.transaction((tx) => setNextRelease(tx, context.input.appId, null)),
      }),
      step("switch", {
        title: "Send the traffic there",
        run: (context) => switchTraffic(deps, context),
      }),
    ],
    ended: (tx, outcome) => forgetMigrations(placements, tx, outcome),
  };
}

/** A release that failed may be retried, but not past another that came since, nor without its migrations. */
async function requireWhole({ db, input }: Context): Promise<void> {
  const migrations = await selectAppMigrations(db, input.appId);
  const isNewest = await isNewestRelease(db, input.releaseId);
  if (isNewest && migrations.length >= input.schemaVersion) return;
  throw failure("illegal_transition", {
    detail: isNewest
      ? "The migrations of this release were taken back when it failed."
      : "Another release of the application has come since.",
    remedy: "Release it again with `tenantry app release`.",
  });
}

/** What it failed at before is tried again; a migration that began since comes first. */
async function begin(tx: Tx, { operationId, input }: Context): Promise<void> {
  const app = await lockApp(tx, input.appId);
  await refuseOtherWork(tx, app!, { kind: "app.release" });
  await deleteFailuresOf(tx, operationId);
}

/** Nodes start the processes as soon as the release is the app's next; one healthy instance is enough to go on. */
async function startInstances(context: Context): Promise<{ instances: number }> {
  const { appId, releaseId } = context.input;
  const release = await selectRelease(context.db, releaseId);
  if (release?.command === null) return { instances: 0 };
  await context.transaction((tx) => setNextRelease(tx, appId, releaseId));
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    const instances = (await selectInstances(context.db, [appId])).filter(
      (one) => one.releaseId === releaseId,
    );
    const healthy = instances.filter((instance) => instance.state === "healthy").length;
    if (healthy > 0) return { instances: healthy };
    if (Date.now() > deadline) {
      const reason = instances.find((instance) => instance.lastError)?.lastError ?? "No node started it.";
      throw failure("app_not_healthy", { detail: `The application didn't become healthy: ${reason}` });
    }
    context.signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A tenant that was made meanwhile may have the old schema still: all must have been tried before the switch. */
async function switchTraffic({ placements, refreshRoutes }: Dependencies, context: Context): Promise<void> {
  const { appId, releaseId, schemaVersion } = context.input;
  const to = { appId, schemaVersion };
  for (;;) {
    const switched = await context.transaction(async (tx) => {
      await lockApp(tx, appId);
      if ((await isPending(tx, to, context.operationId)).pending) return false;
      await switchWithHolds(tx, refreshRoutes, to, async () => {
        await updateCurrentRelease(tx, appId, releaseId, schemaVersion);
        await setNextRelease(tx, appId, null);
        const released = { appId: showId("app", appId), releaseId: showId("rel", releaseId), schemaVersion };
        await recordEvent(tx, { name: "app.released", data: released });
      });
      return true;
    });
    if (switched) return;
    await migrateTenants(placements, context);
  }
}

/** Brings every tenant's database up to the release's schema, or gives it up, until none is left to be tried. */
async function migrateTenants(placements: Migrations, context: Context) {
  const { appId, schemaVersion, maxFailures } = context.input;
  const { databases, current, environmentsGivenUp } = await runFleet(placements, context, {
    ...{ appId, schemaVersion },
    allowed: (tally) => allowedFailures(tally, maxFailures),
  });
  return { databases, migrated: current, environmentsHeldBack: environmentsGivenUp };
}

async function setNextRelease(tx: Tx, appId: string, releaseId: string | null): Promise<void> {
  await updateNextRelease(tx, appId, releaseId);
  await sql`select pg_notify('tenantry_apps', ${appId})`.execute(tx);
}

/**
 * A release that came to nothing leaves no migrations behind, so that a mended file can come in their place, and no
 * blueprint.
 */
async function forgetMigrations(
  placements: Migrations,
  tx: Tx,
  outcome: Outcome<ReleaseInput>,
): Promise<void> {
  if (outcome.status === "succeeded") return;
  const { appId, releaseId } = outcome.input;
  await lockApp(tx, appId);
  // Those of a release that came since are that one's.
  if (!(await isNewestRelease(tx, releaseId))) return;
  await deleteUnusedAppMigrations(tx, appId);
  await placements.dropTrials(tx, appId);
}
