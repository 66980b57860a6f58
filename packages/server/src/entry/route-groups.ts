import { bytesOf } from "@tenantry/data";
import { accessRoutes, createAccess, keyRoutes } from "../features/access/index.ts";
import { type CacheUpkeep, cacheRoutes } from "../features/caches/index.ts";
import { type Credentials, credentialRoutes } from "../features/credentials/index.ts";
import {
  certificateRoutes,
  createDomains,
  type DomainParts,
  domainRoutes,
  settleDomains,
  showAutomaticTls,
} from "../features/domains/index.ts";
import { touchAllRuntime } from "../features/environments/index.ts";
import { type Events, eventRoutes } from "../features/events/index.ts";
import { isolationRoutes } from "../features/isolation/index.ts";
import { tenantRoutes, tenantSettingsRoutes } from "../features/lifecycle/index.ts";
import { type Carrier, moveRoutes, type PromotionParts } from "../features/moves/index.ts";
import { type createOperations, operationRoutes } from "../features/operations/index.ts";
import {
  type Placements,
  schemaCheckRoutes,
  sealRoutes,
  serverRoutes,
} from "../features/placements/index.ts";
import {
  appRoutes,
  driftRoutes,
  findApp,
  migrationRoutes,
  scriptRoutes,
} from "../features/releases/index.ts";
import { findMainHost } from "../features/routing/index.ts";
import { createBudgets, readSnapshot, runtimeRoutes } from "../features/runtime/index.ts";
import { type createSettings, settingsRoutes } from "../features/settings/index.ts";
import { giveStorageKeys, type StoragePlaces, storageRoutes } from "../features/storages/index.ts";
import { templateRoutes } from "../features/templates/index.ts";
import { firstAppUid } from "../infra/app-process/index.ts";
import type { Config } from "../infra/config/index.ts";
import { createVersionWatch, type Db, type Notifications, type Tx } from "../infra/db/index.ts";
import type { RouteGroup } from "../infra/http/index.ts";
import type { Log } from "../infra/log/index.ts";
import type { Secrets } from "../infra/secrets/index.ts";
import { publicJwks } from "../infra/signing/index.ts";
import { systemClock } from "../kernel/index.ts";
import { issuerOf, publicUrlOf } from "./addresses.ts";

export type RouteGroupInput = {
  config: Config;
  log: Log;
  db: Db;
  notifications: Notifications;
  secrets: Secrets;
  installation: { id: string };
  gatewayPort: number;
  settings: ReturnType<typeof createSettings>;
  operations: ReturnType<typeof createOperations>;
  events: Events;
  placements: Placements;
  credentials: Credentials;
  caches: CacheUpkeep;
  storage: StoragePlaces;
  carriers: readonly Carrier[];
  domainParts: DomainParts;
  workflows: Pick<Parameters<typeof tenantRoutes>[0], "provisioning" | "clone" | "deletion"> & {
    release: Parameters<typeof appRoutes>[0]["releaseWorkflow"];
    migration: Parameters<typeof migrationRoutes>[0]["migrateWorkflow"];
    verify: Parameters<typeof isolationRoutes>[0]["verify"];
    move: PromotionParts["move"];
  };
};

/** Every route of the API. */
export function routeGroups(input: RouteGroupInput): RouteGroup[] {
  const { config, log, db, secrets, settings, operations, events, placements, workflows } = input;
  const access = createAccess({ db, clock: systemClock, log, settings });
  const publicUrl = (hostname: string) => publicUrlOf(config, hostname, input.gatewayPort);
  const domains = createDomains(input.domainParts);
  const settle = (tx: Tx, tenantIds?: readonly string[]) => settleDomains(input.domainParts, tx, tenantIds);
  return [
    tenantRoutes({
      ...{ db, settings, operations, placements, publicUrl, ...workflows },
      rootDomain: config.rootDomain,
      settleDomains: settle,
      domains,
      levels: placements.availableLevels,
    }),
    moveRoutes({ ...moveParts(input), operations }),
    ...templateRoutes({
      ...{ db, settings },
      findAppId: async (from, slug) => (await findApp(from, slug)).id,
    }),
    tenantSettingsRoutes({ db, settings, settleDomains: settle }),
    domainRoutes({ domains }),
    credentialRoutes({ credentials: input.credentials, operations }),
    accessRoutes({
      ...access,
      async siteOf(tenant) {
        const hostname = await findMainHost(db, tenant);
        return hostname === undefined ? null : publicUrl(hostname);
      },
    }),
    keyRoutes({ db, findAppId: async (tx, idOrSlug) => (await findApp(tx, idOrSlug)).id }),
    appRoutes({
      db,
      secrets,
      operations,
      releaseWorkflow: workflows.release,
      firstUid: () => firstAppUid(input.installation.id),
    }),
    migrationRoutes({
      ...{ db, operations, migrateWorkflow: workflows.migration },
      checkSchema: placements.workflows.checkSchema,
      rehearse: placements.workflows.rehearse,
    }),
    scriptRoutes({ db, operations, runScript: placements.workflows.runScript }),
    driftRoutes({ db, operations, drift: placements.workflows.drift }),
    cacheRoutes({ db, secrets, caches: input.caches }),
    serverRoutes({ db, secrets, placements }),
    sealRoutes({ db, placements, findAppId: async (from, slug) => (await findApp(from, slug)).id }),
    storageRoutes({ db, secrets, installationId: input.installation.id }),
    schemaCheckRoutes({ db, operations, workflow: placements.workflows.checkSchema }),
    operationRoutes({ operations }),
    eventRoutes({ events }),
    settingsRoutes({
      ...{ db, settings },
      async changed(tx) {
        await showAutomaticTls(tx, await settings.get<boolean>(tx, "automaticTls"));
        await settle(tx);
        await touchAllRuntime(tx);
      },
    }),
    isolationRoutes({ db, settings, operations, verify: workflows.verify }),
    certificateRoutes({ db, rootDomain: config.rootDomain }),
    applicationRoutes(input, access),
  ];
}

/** How large the file of a tenant may grow at the level sqlite; bytes. */
export const fileQuota =
  (db: Db, settings: RouteGroupInput["settings"]) =>
  async (tenantId: string): Promise<number> =>
    bytesOf(await settings.get<number | string>(db, "sqliteQuota", { tenantId }))!;

/** What moving tenants works with. */
export function moveParts({
  db,
  log,
  settings,
  placements,
  carriers,
  workflows: { move },
}: Pick<RouteGroupInput, "db" | "log" | "settings" | "placements" | "carriers"> & {
  workflows: Pick<RouteGroupInput["workflows"], "move">;
}): PromotionParts {
  return { db, log, settings, placements, carriers, move, clock: systemClock };
}

/** What applications follow by their own keys. */
function applicationRoutes(input: RouteGroupInput, access: ReturnType<typeof createAccess>): RouteGroup {
  const { db, log, notifications, settings, placements } = input;
  const budgets = createBudgets((appId, process) => placements.runtimeBudgets(db, { appId, process }));
  return runtimeRoutes({
    db,
    ...access,
    publicUrl: (hostname) => publicUrlOf(input.config, hostname, input.gatewayPort),
    versions: createVersionWatch({ db, notifications, log, stream: "runtime" }),
    repairLogin: (environmentId) => placements.repairLogin(db, environmentId),
    repairCache: (environmentId) => input.caches.repair(db, environmentId),
    repairGlobalCache: (appId) => input.caches.repairShared(db, appId),
    async storageKeys(environmentId, asked) {
      const places = await placements.examinePlaces(db, [environmentId]);
      return giveStorageKeys(input.storage, db, places.get(environmentId)?.storage, asked);
    },
    snapshot: (question) =>
      readSnapshot(
        {
          db,
          settings,
          keys: () => publicJwks(db),
          places: placements.runtimePlaces,
          budgets,
          globalCache: (appId) => input.caches.shared(db, appId),
          jobKey: (appId) => input.secrets.fingerprint(`jobs of application ${appId}`).toString("base64"),
          issuer: issuerOf(input.installation.id),
        },
        question,
      ),
  });
}
