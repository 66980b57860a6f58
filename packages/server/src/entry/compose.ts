import { mkdir } from "node:fs/promises";
import path from "node:path";
import { createDatabaseDrivers } from "../drivers/database/index.ts";
import { accessRoutes, createKeyCheck, createLogIn, createUsers } from "../features/access/index.ts";
import { touchAllRuntime } from "../features/environments/index.ts";
import {
  deleteWorkflow,
  provisionWorkflow,
  tenantRoutes,
  tenantSettingsRoutes,
} from "../features/lifecycle/index.ts";
import { createOperations, operationRoutes } from "../features/operations/index.ts";
import {
  createPlacements,
  createSpareKeeper,
  type Placements,
  registerOwnServer,
  type SpareKeeper,
  serverRoutes,
} from "../features/placements/index.ts";
import { appRoutes, releaseWorkflow } from "../features/releases/index.ts";
import { removeExpiredRedirects } from "../features/routing/index.ts";
import { createBudgets, createVersionWatch, readSnapshot, runtimeRoutes } from "../features/runtime/index.ts";
import { createSettings, settingsRoutes } from "../features/settings/index.ts";
import type { Config } from "../infra/config/index.ts";
import { type Db, inTransaction, type Notifications } from "../infra/db/index.ts";
import { bearerKey, createApi, createIdempotencyStore } from "../infra/http/index.ts";
import { createSchedule } from "../infra/jobs/index.ts";
import type { Log } from "../infra/log/index.ts";
import { createMetrics } from "../infra/metrics/index.ts";
import type { Secrets } from "../infra/secrets/index.ts";
import { publicJwks } from "../infra/signing/index.ts";
import { createSweeper, createWorker } from "../infra/workflow/index.ts";
import { systemClock } from "../kernel/index.ts";
import { selectAppUid } from "./installation.sql.ts";
import { fsPlaces, memoryPlaces } from "./places.ts";
import { version } from "./version.ts";

export type ComposeInput = {
  config: Config;
  log: Log;
  db: Db;
  /** The registry's URL. */
  url: string;
  notifications: Notifications;
  secrets: Secrets;
  installation: { id: string; rootDomain: string };
  node: { id: string };
  gatewayPort: number;
};

export type Parts = Awaited<ReturnType<typeof compose>>;

/** All wiring: what each part gets, and nothing runs yet. */
export async function compose(input: ComposeInput) {
  const { config, log, db, notifications, secrets } = input;
  const settings = createSettings(config.settings);
  const operations = createOperations({ db, notifications });
  const storageRoot = path.join(config.dataDir, "storage");
  await mkdir(storageRoot, { recursive: true, mode: 0o711 });
  // The keeper's workflows come from the placements, which tell the keeper what was taken.
  const told: { keeper?: SpareKeeper } = {};
  const placementParts = {
    drivers: createDatabaseDrivers({ installationId: input.installation.id }),
    storage: fsPlaces(storageRoot, (environmentId) => selectAppUid(db, environmentId)),
    cache: memoryPlaces(),
    secrets,
    onTaken: (appId: string) => told.keeper?.taken(appId),
  };
  const placements = createPlacements(placementParts);
  told.keeper = createSpareKeeper({ db, log, workflows: placements.workflows });
  const workflows = {
    provision: provisionWorkflow({ placements, rootDomain: config.rootDomain }),
    deletion: deleteWorkflow({ placements }),
    release: releaseWorkflow({ placements }),
  };
  const api = await composeApi({ ...input, settings, operations, placements, workflows, storageRoot });
  const worker = createWorker({
    db,
    url: input.url,
    notifications,
    log,
    workflows: [...Object.values(workflows), ...Object.values(placements.workflows)] as never,
  });
  return {
    db,
    operations,
    releaseWorkflow: workflows.release,
    storageRoot,
    api,
    worker,
    background: createBackground({ ...input, keeper: told.keeper, placements }),
    registerServer: (server: Parameters<typeof registerOwnServer>[2]) =>
      registerOwnServer(db, secrets, server),
  };
}

type ApiInput = ComposeInput & {
  settings: ReturnType<typeof createSettings>;
  operations: ReturnType<typeof createOperations>;
  placements: Placements;
  workflows: Pick<Parameters<typeof tenantRoutes>[0], "provision" | "deletion"> & {
    release: Parameters<typeof appRoutes>[0]["releaseWorkflow"];
  };
  storageRoot: string;
};

async function composeApi(input: ApiInput) {
  const { config, log, db, notifications, secrets, settings, operations, placements, workflows } = input;
  const { rootDomain } = config;
  const publicUrl = (hostname: string) => publicUrlOf(config, hostname, input.gatewayPort);
  const checkKey = createKeyCheck(db);
  const metrics = createMetrics({ ofProcess: true });
  const keys = () => publicJwks(db);
  const budgets = createBudgets((appId, holder) => placements.runtimeBudgets(db, { appId, holder }));
  return createApi({
    log,
    version,
    metrics,
    hosts: config.api.names,
    idempotency: createIdempotencyStore(db),
    authenticate: (request) => checkKey(bearerKey(request)),
    publicKeys: keys,
    groups: [
      tenantRoutes({ db, settings, operations, rootDomain, publicUrl, ...workflows }),
      tenantSettingsRoutes({ db, settings }),
      accessRoutes({ users: createUsers({ db, settings, log }) }),
      appRoutes({ db, operations, releaseWorkflow: workflows.release }),
      serverRoutes({ db, secrets }),
      operationRoutes({ operations }),
      settingsRoutes({ db, settings, changed: touchAllRuntime }),
      runtimeRoutes({
        db,
        logIn: createLogIn({ db, clock: systemClock, log }),
        versions: createVersionWatch({ db, notifications, log }),
        snapshot: (question) =>
          readSnapshot(
            {
              db,
              settings,
              keys,
              places: (tx, ids) => placements.runtimePlaces(tx, ids, input.storageRoot),
              budgets,
              issuer: issuerOf(input.installation.id),
            },
            question,
          ),
      }),
    ],
  });
}

/** Who signs tenants' tokens. */
export function issuerOf(installationId: string): string {
  return `urn:uuid:${installationId}`;
}

function publicUrlOf(config: Config, hostname: string, gatewayPort: number): string {
  if (!config.publicUrl) return `http://${hostname}:${gatewayPort}/`;
  const url = new URL(config.publicUrl);
  url.hostname = hostname;
  return url.href;
}

/** What goes on by itself: spares, sweeps, things that run out. */
function createBackground(input: ComposeInput & { keeper: SpareKeeper; placements: Placements }) {
  const { db, log, notifications, keeper, placements } = input;
  const sweeper = createSweeper({ db, log, remove: placements.removers(db) });
  const schedule = createSchedule({ db, log });
  return {
    start() {
      keeper.start();
      sweeper.start(notifications);
      schedule.every("sweep", 60_000, () => sweeper.sweep());
      schedule.every("redirects", 3_600_000, () => inTransaction(db, removeExpiredRedirects));
    },
    async stop() {
      await schedule.close();
      await sweeper.close();
      await keeper.close();
    },
  };
}
