import type { Tx } from "../../infra/db/index.ts";
import {
  type Outcome,
  type Step,
  type StepContext,
  step,
  type Workflow,
} from "../../infra/workflow/index.ts";
import { failure, showId, timeOf } from "../../kernel/index.ts";
import { addUser, deleteUsersOfTenant } from "../access/index.ts";
import { moveEnvironment } from "../environments/index.ts";
import type { Placements } from "../placements/index.ts";
import { findApp, holdApp } from "../releases/index.ts";
import { addSystemRoute, selectHosts, showProgress } from "../routing/index.ts";
import { requireTenantMove, selectTenant, type TenantRow, updateTenantStatus } from "../tenants/index.ts";
import { forgetAdminInput } from "./admin-input.sql.ts";
import type { Isolation } from "./isolation.ts";
import { announce } from "./status.ts";

export type ProvisionInput = {
  appId: string;
  isolation: Isolation;
  region: string | null;
  /** The database's at first; the application's when left out. */
  schemaVersion?: number;
  admin?: { email: string; passwordHash: string };
  /** What it is made from, where there is something to do for that. */
  template?: { id: string; name: string; revision: number };
};

type Context = StepContext<ProvisionInput>;
export type ProvisionDependencies = { placements: Placements; rootDomain: string };

/** Steps for what a template holds; a list with them is another version of the workflow. */
type TemplateSteps = { version: number; seed?: Step<ProvisionInput>; configure?: Step<ProvisionInput> };

/** What it takes to make a tenant [REG-4], in the order in which it can be watched. */
export function provisionWorkflow(
  deps: ProvisionDependencies,
  more: TemplateSteps = { version: 1 },
): Workflow<ProvisionInput> {
  const steps = [
    step<ProvisionInput>("register", { title: "Register the tenant", run: begin }),
    ...placementSteps(deps.placements),
    ...openingSteps(deps, more),
  ];
  return {
    kind: "tenant.provision",
    version: more.version,
    lazyLedger: true,
    steps: steps.map((one, index) => ({
      ...one,
      async run(context) {
        await tellVisitors(context, index / steps.length);
        return one.run(context);
      },
    })),
    ended: settle,
  };
}

/** Visitors who have been waiting for longer than a glance see how far it is. */
async function tellVisitors(context: Context, progress: number): Promise<void> {
  if (Date.now() - timeOf(context.operationId) < unnoticedMs) return;
  await context.transaction((tx) => showProgress(tx, context.environmentId!, progress));
}

const unnoticedMs = 1_000;

/** The first time there is nothing to do; a retry brings a tenant that failed back to provisioning. */
async function begin(context: Context): Promise<void> {
  if ((await selectTenant(context.db, context.tenantId!))?.status === "provisioning") return;
  await context.transaction(async (tx) => {
    const tenant = await tenantOf(tx, context);
    if (tenant.status === "provisioning") return;
    requireTenantMove(tenant.status, "provisioning");
    await updateTenantStatus(tx, tenant.id, { status: "provisioning" });
    await moveEnvironment(tx, context.environmentId!, "provisioning");
    await announce(tx, tenant, "tenant.provisioning");
  });
}

function placementSteps(placements: Placements) {
  const undo = (kind: "database" | "storage" | "cache") => (context: Context) =>
    placements.removePlacements(context, { environmentId: context.environmentId!, kind });
  return [
    step<ProvisionInput>("create-database", {
      title: "Create and migrate the database",
      run: (context) => placeDatabase(placements, context),
      undo: undo("database"),
    }),
    step<ProvisionInput>("initialise-storage", {
      title: "Initialise the storage",
      run: (context) => placements.placeStorage(context, placeWanted(context, "storage")),
      undo: undo("storage"),
    }),
    step<ProvisionInput>("prepare-cache", {
      title: "Prepare the cache",
      run: (context) => placements.placeCache(context, placeWanted(context, "cache")),
      undo: undo("cache"),
    }),
  ];
}

function placeWanted({ environmentId, input }: Context, kind: "storage" | "cache") {
  return { environmentId: environmentId!, level: input.isolation[kind], region: input.region ?? undefined };
}

async function placeDatabase(placements: Placements, context: Context) {
  const { appId, isolation, region } = context.input;
  const app = await findApp(context.db, showId("app", appId));
  const { schemaVersion = app.schemaVersion } = context.input;
  return placements.placeDatabase(context, {
    environmentId: context.environmentId!,
    appId,
    level: isolation.database,
    schemaVersion,
    region: region ?? undefined,
  });
}

function openingSteps({ placements, rootDomain }: ProvisionDependencies, { seed, configure }: TemplateSteps) {
  return [
    step<ProvisionInput>("configure-domain", {
      title: "Configure the domain",
      run: (context) => configureDomain(context, rootDomain),
    }),
    ...(seed ? [seed] : []),
    step<ProvisionInput>("create-admin", {
      title: "Create the tenant's admin",
      async run(context) {
        const tenantId = context.tenantId!;
        const { admin } = context.input;
        if (!admin) return { created: false };
        await context.transaction(async (tx) => {
          // What an interrupted run made is made anew.
          await deleteUsersOfTenant(tx, tenantId);
          await addUser(tx, { tenantId, name: null, role: "admin", emailVerified: true, ...admin });
        });
        return { created: true };
      },
      undo: (context) => context.transaction((tx) => deleteUsersOfTenant(tx, context.tenantId!)),
    }),
    ...(configure ? [configure] : []),
    step<ProvisionInput>("activate", {
      title: "Activate the tenant",
      run: (context) => activate(placements, context),
    }),
  ];
}

/** The tenant got its host with its registration; it only has to be given again after that was lost. */
async function configureDomain(context: Context, rootDomain: string): Promise<{ hostname: string }> {
  const environmentId = context.environmentId!;
  const [host] = await selectHosts(context.db, [environmentId]);
  if (host) return { hostname: host.hostname };
  const hostname = await context.transaction(async (tx) => {
    const { slug } = await tenantOf(tx, context);
    return addSystemRoute(tx, { environmentId, slug, environment: "production", rootDomain });
  });
  return { hostname };
}

/**
 * The last look before the doors open: the app may have been released while we worked, and then its newest schema goes
 * in first.
 */
async function activate(placements: Placements, context: Context): Promise<void> {
  const { databaseId, schemaVersion } = context.results["create-database"] as PlacedDatabase;
  for (let present = schemaVersion; ; ) {
    const newer = await context.transaction(async (tx) => {
      // Held until the commit: a release that switches its traffic meanwhile finds this database, or is found here.
      const app = await holdApp(tx, context.input.appId);
      if (app.schemaVersion > present) return app.schemaVersion;
      const tenant = await tenantOf(tx, context);
      // Activated before we were interrupted; it may have been suspended since.
      if (tenant.status === "active" || tenant.status === "suspended") return undefined;
      requireTenantMove(tenant.status, "active");
      await updateTenantStatus(tx, tenant.id, { status: "active" });
      await moveEnvironment(tx, context.environmentId!, "ready");
      await announce(tx, tenant, "tenant.activated");
      // People may use it from now on: it goes by being deleted, not by having its database undone.
      await context.passPointOfNoReturn(tx);
      return undefined;
    });
    if (newer === undefined) return;
    await placements.migrateDatabase(context, databaseId, newer);
    present = newer;
  }
}

type PlacedDatabase = { databaseId: string; schemaVersion: number };

/** A provisioning that came to nothing leaves the tenant failed: to be retried, or deleted. */
async function settle(tx: Tx, outcome: Outcome<ProvisionInput>): Promise<void> {
  // A failed one may be retried, and then needs it still.
  if (outcome.status === "succeeded") return forgetAdminInput(tx, outcome.tenantId!);
  const tenant = await selectTenant(tx, outcome.tenantId!);
  if (tenant?.status !== "provisioning") return;
  const reason = outcome.status === "cancelled" ? "cancelled" : (outcome.error?.code ?? "failed");
  await updateTenantStatus(tx, tenant.id, { status: "failed", reason });
  await moveEnvironment(tx, outcome.environmentId!, "failed");
  await announce(tx, tenant, "tenant.failed", { reason });
}

async function tenantOf(tx: Tx, context: Context): Promise<TenantRow> {
  const tenant = await selectTenant(tx, context.tenantId!);
  if (!tenant) throw failure("tenant_not_found", { detail: "The tenant was deleted meanwhile." });
  return tenant;
}
