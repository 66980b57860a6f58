import { tenantHeaders } from "@tenantry/contract";
import type { Database, Storage, TenantCache } from "@tenantry/data";
import { type Auth, createSessionCache } from "./auth.ts";
import { configure, type TenantryOptions } from "./config.ts";
import { type ContextParts, createContext, type TenantContext } from "./context.ts";
import { contextStore } from "./context-store.ts";
import { RuntimeUnavailable, TenantContextMissing } from "./errors.ts";
import { createFileStores } from "./file-stores.ts";
import { createForeignFiles } from "./foreign-files.ts";
import { cacheHandle, databaseHandle, storageHandle } from "./handles.ts";
import { headerOf, type RequestHeaders } from "./headers.ts";
import { createJobs, type Jobs } from "./jobs/jobs.ts";
import { createRepairs } from "./repair.ts";
import { createResolver } from "./resolve.ts";
import { createResources } from "./resources.ts";
import { createRuntimeApi } from "./runtime/api.ts";
import { createRuntimeFollower } from "./runtime/follower.ts";
import { createSettings, type Settings } from "./settings.ts";
import type { Tenants } from "./tenants.ts";

/** An application's way to the tenant it is working for. Make one per process. */
export type Tenantry = {
  /**
   * Starts following the installation and resolves when its first snapshot is there; tries for as long as it takes, or
   * until `signal` aborts. Rejects when the application's key is refused. Repeatable.
   */
  ready(options?: { signal?: AbortSignal }): Promise<void>;
  /** The tenant that this code runs for. Throws `TenantContextMissing` outside a request or `run`. */
  current(): TenantContext;
  /**
   * The tenant that a request is for, proven by the token that the gateway signed. Checked offline. Throws
   * `TenantTokenInvalid` (401), `EnvironmentUnknown` (404), `EnvironmentSuspended`, `EnvironmentUnavailable` (503).
   */
  resolve(request: { headers: RequestHeaders }): Promise<TenantContext>;
  /** Runs `work` for a tenant: a context, or an environment's id (`env_…`), as in jobs and scripts. */
  run<Result>(
    target: TenantContext | string,
    work: (context: TenantContext) => Result | Promise<Result>,
  ): Promise<Result>;
  /**
   * What a log line should say of the tenant it is about; empty where there is none. Made for loggers that ask at each
   * line: `pino({ mixin: tenantry.logFields })`.
   */
  logFields(): { tenantId?: string; environmentId?: string; requestId?: string };
  /** Lets go of connections and stops following. Nothing works afterwards. Repeatable. */
  close(): Promise<void>;
  /** The database of the current tenant. */
  readonly db: Database;
  /** The files of the current tenant. */
  readonly storage: Storage;
  /** The cache of the current tenant; `cache.global(name)` is one that all tenants share. */
  readonly cache: TenantCache;
  /** The settings of the current tenant. */
  readonly settings: Settings;
  /** Log-in of the current tenant's users. */
  readonly auth: Auth;
  /** What the current tenant may know of those below it. */
  readonly tenants: Tenants;
  /** Work of the current tenant that is done later. */
  readonly jobs: Jobs;
};

/** How long a first request waits for the first snapshot. */
const firstSnapshotDeadlineMs = 10_000;

/**
 * Connects the application to its installation. Nothing is sent before `ready`, `resolve` or `run`. Throws one
 * sentence when the address or the key is missing.
 */
export function createTenantry(options: TenantryOptions = {}): Tenantry {
  const configuration = configure(options);
  const api = createRuntimeApi(configuration);
  const follower = createRuntimeFollower(api, configuration.log, (state) => resources.applied(state));
  const repairs = createRepairs(api, configuration.log);
  const resources = createResources(follower, createFileStores(api), repairs, configuration.log);
  const foreignFiles = createForeignFiles(api, follower, configuration.log);
  const parts: ContextParts = { follower, api, sessions: createSessionCache(), resources, foreignFiles };
  const resolver = createResolver(follower);

  async function firstSnapshot(): Promise<void> {
    if (follower.isReady()) return;
    const deadline = AbortSignal.timeout(firstSnapshotDeadlineMs);
    await follower.ready(deadline).catch((error: unknown) => {
      if (!deadline.aborted) throw error;
      throw new RuntimeUnavailable("Tenantry's API hasn't answered yet.", { cause: error });
    });
  }

  async function run<Result>(
    target: TenantContext | string,
    work: (context: TenantContext) => Result | Promise<Result>,
  ): Promise<Result> {
    await firstSnapshot();
    const id = typeof target === "string" ? target : target.environment.id;
    const environment = await resolver.byId(id);
    const context = typeof target === "string" ? createContext(parts, environment, undefined) : target;
    return await contextStore.run(context, async () => work(context));
  }

  return {
    ready: ({ signal } = {}) => follower.ready(signal),
    current,
    logFields,
    async resolve({ headers }) {
      await firstSnapshot();
      const environment = await resolver.byToken(headerOf(headers, tenantHeaders.token));
      return createContext(parts, environment, headerOf(headers, tenantHeaders.requestId));
    },
    run,
    async close() {
      await follower.close();
      await resources.close();
    },
    db: databaseHandle(() => current().db),
    storage: storageHandle(() => current().storage),
    cache: cacheHandle(() => current().cache, resources.globalCache),
    settings: createSettings(() => current().settings.all()),
    auth: {
      login: async (credentials) => current().auth.login(credentials),
      user: async (token) => current().auth.user(token),
      logout: async (token) => current().auth.logout(token),
      changePassword: async (token, change) => current().auth.changePassword(token, change),
      register: async (registration) => current().auth.register(registration),
      verification: async (request) => current().auth.verification(request),
      verifyEmail: async (token) => current().auth.verifyEmail(token),
      administer: (token) => current().auth.administer(token),
    },
    tenants: { children: async (page) => current().tenants.children(page) },
    jobs: createJobs({ current, state: () => follower.state(), ready: firstSnapshot, runFor: run }),
  };
}

function current(): TenantContext {
  const context = contextStore.getStore();
  if (!context) throw new TenantContextMissing();
  return context;
}

function logFields(): ReturnType<Tenantry["logFields"]> {
  const context = contextStore.getStore();
  if (!context) return {};
  const { tenant, environment, requestId } = context;
  return { tenantId: tenant.id, environmentId: environment.id, ...(requestId && { requestId }) };
}
