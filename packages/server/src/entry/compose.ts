import { mkdir } from "node:fs/promises";
import { createKeyCheck, selectGoodKeyIds } from "../features/access/index.ts";
import { type CacheUpkeep, createCacheUpkeep } from "../features/caches/index.ts";
import { type Credentials, createCredentials } from "../features/credentials/index.ts";
import { type DomainParts, passEveryMs, recheckDomains } from "../features/domains/index.ts";
import { createEvents } from "../features/events/index.ts";
import {
  type IsolationParts,
  observeIsolation,
  verifyWhenDue,
  verifyWorkflow,
} from "../features/isolation/index.ts";
import { cloneWorkflow } from "../features/lifecycle/index.ts";
import { type Carrier, createCarriers, moveWorkflow, promoteDue } from "../features/moves/index.ts";
import { createOperations, observeOperations, reportStuckOperations } from "../features/operations/index.ts";
import {
  checkDrift,
  createPlacements,
  createSpareKeeper,
  type Placements,
  registerOwnServer,
  type SpareKeeper,
} from "../features/placements/index.ts";
import { migrateWorkflow, releaseWorkflow, sealPlainVariables } from "../features/releases/index.ts";
import { refreshRoutes, removeExpiredRedirects } from "../features/routing/index.ts";
import { createSettings, type Settings } from "../features/settings/index.ts";
import {
  checkStorages,
  type StoragePlaces,
  settleStorages,
  tidyStorages,
} from "../features/storages/index.ts";
import { firstAppUid } from "../infra/app-process/index.ts";
import type { Config } from "../infra/config/index.ts";
import {
  checkConnection,
  createVersionWatch,
  type Db,
  inTransaction,
  type Notifications,
  type Tx,
} from "../infra/db/index.ts";
import { type Api, bearerKey, createApi, createIdempotencyStore } from "../infra/http/index.ts";
import { createSchedule } from "../infra/jobs/index.ts";
import type { Log } from "../infra/log/index.ts";
import { createMetrics } from "../infra/metrics/index.ts";
import { createGatewayWatch } from "../infra/nodes/index.ts";
import type { PostgresFleet } from "../infra/postgres-process/index.ts";
import type { Secrets } from "../infra/secrets/index.ts";
import { publicJwks } from "../infra/signing/index.ts";
import { createSweeper, createWorker, defineWorkflow } from "../infra/workflow/index.ts";
import { issuerOf } from "./addresses.ts";
import { composeDomains } from "./domains.ts";
import { createDrivers } from "./drivers.ts";
import { isolationParts } from "./isolation.ts";
import { composeProvisioning } from "./provisioning.ts";
import { removeExpired } from "./retention.ts";
import { fileQuota, moveParts, type RouteGroupInput, routeGroups } from "./route-groups.ts";
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
  /** Where the gateway of this node listens for TLS. */
  gatewayTlsPort?: number | undefined;
  /** Starts servers for single environments; none where the operator gives the servers. */
  fleet?: PostgresFleet | undefined;
  /** Whether this node is about to stop. */
  isDraining?: () => boolean;
};

export type Parts = Awaited<ReturnType<typeof compose>>;

/** All wiring: what each part gets, and nothing runs yet. */
export async function compose(input: ComposeInput) {
  const { config, log, db, notifications, secrets } = input;
  const settings = createSettings(config.settings);
  const gateways = createGatewayWatch({ db, notifications, log });
  const settled = () => gateways.caughtUp();
  const operations = createOperations({ db, notifications, settled });
  const { storageRoot, closeDrivers, ...drivers } = createDrivers({
    db,
    dataDir: config.dataDir,
    installationId: input.installation.id,
    secrets,
    fleet: input.fleet,
  });
  const caches = createCacheUpkeep(drivers.cache);
  // Before any tenant's files: applications get sight of it when they start.
  await mkdir(storageRoot, { recursive: true, mode: 0o711 });
  // The keeper's workflows come from the placements, which tell the keeper what was taken.
  const told: { keeper?: SpareKeeper; api?: Api } = {};
  const placements = createPlacements({
    ...drivers,
    secrets,
    encryptsFiles: (tx: Tx) => settings.get<boolean>(tx, "sqliteEncryption"),
    onTaken: () => told.keeper?.taken(),
    onSpareEnded: (spare: Parameters<SpareKeeper["spareEnded"]>[0]) => told.keeper?.spareEnded(spare),
  });
  const startsServers = input.fleet !== undefined;
  told.keeper = createSpareKeeper({ db, log, workflows: placements.workflows, startsServers });
  // Verifications of isolation ask the API, which has routes that start them.
  const isolation = isolationParts({
    ...input,
    ...{ settings, settled, placements, drivers, api: () => told.api! },
  });
  const events = createEvents({
    db,
    versions: createVersionWatch({ db, notifications, log, stream: "events" }),
    source: issuerOf(input.installation.id),
  });
  const credentials = createCredentials({ db, log, secrets, placements, events });
  const carriers = createCarriers({ ...drivers, placements, credentials, quotaOf: fileQuota(db, settings) });
  const placed = { settings, storage: drivers.storage, credentials, carriers };
  const workflows = composeWorkflows({ ...input, ...placed }, placements, isolation);
  const shared = {
    ...{ ...placed, operations, events, placements, caches, workflows, settled },
    domainParts: composeDomains({ ...input, settings }),
  };
  const api = await composeApi({ ...input, ...shared });
  told.api = api;
  return {
    ...{ db, log, secrets, settings, operations },
    domainParts: shared.domainParts,
    releaseWorkflow: workflows.release,
    firstUid: () => firstAppUid(input.installation.id),
    /** Where one application's processes find their tenants' files. */
    reachesOf: async (appId: string) => [storageRoot, await drivers.directory.shelfOf(appId)],
    api,
    worker: composeWorker(input, shared),
    background: createBackground({
      ...input,
      ...shared,
      keeper: told.keeper,
      closeDrivers,
      verifyWhenDue: () => verifyWhenDue({ ...isolation, verify: workflows.verify }),
      promoteDue: () => promoteDue(moveParts({ ...input, ...shared })),
    }),
    registerServer: (server: Parameters<typeof registerOwnServer>[2]) =>
      registerOwnServer(db, secrets, server),
    startServers: () => placements.startServers({ db, log }),
  };
}

function composeWorkflows(
  input: ComposeInput & {
    settings: Settings;
    storage: StoragePlaces;
    credentials: Credentials;
    carriers: readonly Carrier[];
  },
  placements: Placements,
  isolation: IsolationParts,
) {
  const { deletion } = isolation;
  const { rootDomain } = input.config;
  const { credentials, carriers } = input;
  return {
    deletion,
    provisioning: composeProvisioning({ ...input, placements }),
    clone: cloneWorkflow({ placements, rootDomain, storage: input.storage }),
    release: releaseWorkflow({ placements, refreshRoutes }),
    migration: migrateWorkflow({ placements, refreshRoutes }),
    verify: verifyWorkflow(isolation),
    move: moveWorkflow({ carriers, credentials }),
  };
}

function composeWorker(
  { db, url, notifications, log }: ComposeInput,
  parts: Pick<RouteGroupInput, "workflows" | "placements" | "credentials">,
) {
  const { provisioning, clone, deletion, release, migration, verify, move } = parts.workflows;
  const own = [
    ...provisioning.workflows.map((workflow) => defineWorkflow(workflow)),
    defineWorkflow(clone),
    defineWorkflow(deletion),
    defineWorkflow(release),
    defineWorkflow(migration),
    defineWorkflow(verify),
    defineWorkflow(move),
  ];
  const features = [parts.placements, parts.credentials];
  const all = [...own, ...features.flatMap(({ workflows }) => Object.values(workflows))];
  return createWorker({ db, url, notifications, log, workflows: all });
}

type ApiInput = RouteGroupInput & Pick<ComposeInput, "isDraining"> & { settled: () => Promise<void> };

async function composeApi(input: ApiInput) {
  const { config, log, db, secrets } = input;
  const checkKey = createKeyCheck(db);
  const metrics = createMetrics({ ofProcess: true });
  observeOperations(metrics, db);
  observeIsolation(metrics, db);
  return createApi({
    log,
    version,
    metrics,
    hosts: config.api.names,
    idempotency: createIdempotencyStore(db, secrets),
    authenticate: (request) => checkKey(bearerKey(request)),
    findGoodKeys: (keyIds) => selectGoodKeyIds(db, keyIds),
    checks: [{ name: "registry", check: () => checkConnection(db) }],
    isDraining: input.isDraining,
    publicKeys: () => publicJwks(db),
    settled: input.settled,
    groups: routeGroups(input),
  });
}

/** What goes on by itself: spares, sweeps, things that run out. */
function createBackground(
  input: ComposeInput & {
    keeper: SpareKeeper;
    credentials: Credentials;
    placements: Placements;
    settings: Settings;
    storage: StoragePlaces;
    verifyWhenDue: () => Promise<void>;
    promoteDue: () => Promise<void>;
    caches: CacheUpkeep;
    domainParts: DomainParts;
    closeDrivers: () => Promise<void>;
  },
) {
  const { db, log, notifications, secrets, keeper, credentials, placements, settings, storage } = input;
  const sweeper = createSweeper({ db, log, remove: placements.removers(db) });
  const schedule = createSchedule({ db, log });
  const checkSeals = (signal: AbortSignal) => placements.checkSeals({ db, log, signal });
  return {
    start() {
      keeper.start();
      credentials.keeper.start();
      sweeper.start(notifications);
      schedule.every("sweep", 60_000, () => sweeper.sweep());
      schedule.every("stuck-operations", 60_000, () => reportStuckOperations({ db, log, settings }));
      schedule.every("storage", 86_400_000, () => tidyStorages(storage, { db, log }));
      schedule.every("retention", 3_600_000, (signal) => removeExpired({ db, log, settings }, signal));
      schedule.every("variables", 3_600_000, () => sealPlainVariables({ db, secrets }));
      schedule.every("drift", 86_400_000, () => checkDrift(db, placements.workflows.drift));
      schedule.every("caches", 2_000, (signal) => input.caches.settle({ db, log, signal }));
      schedule.every("storages", 2_000, (signal) => settleStorages(storage, { db, log, signal }));
      schedule.every("storage-users", 3_600_000, (signal) => checkStorages(storage, { db, log, signal }));
      schedule.every("cache-users", 3_600_000, (signal) => input.caches.check({ db, log, signal }));
      schedule.every("logins", 3_600_000, (signal) => placements.checkLogins({ db, log, signal }));
      schedule.every("seals", 3_600_000, checkSeals);
      schedule.every("notifications", 10_000, () => placements.freeNotifications({ db, log }));
      // Whatever happened while nobody looked is found at the start.
      schedule.once("seals", checkSeals);
      schedule.every("started-servers", 30_000, () => placements.startServers({ db, log }));
      schedule.every("servers", 30_000, () => placements.checkServers({ db, log }));
      schedule.every("isolation", 60_000, () => input.verifyWhenDue());
      schedule.every("promotions", 300_000, () => input.promoteDue());
      schedule.every("credentials", 60_000, () => credentials.keeper.pass());
      schedule.every("domains", passEveryMs, (signal) => recheckDomains(input.domainParts, { log, signal }));
      schedule.every("redirects", 3_600_000, () => inTransaction(db, removeExpiredRedirects));
    },
    async stop() {
      await schedule.close();
      await credentials.keeper.close();
      await sweeper.close();
      await keeper.close();
      await input.closeDrivers();
    },
  };
}
