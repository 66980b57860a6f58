import type { RuntimeEnvironment } from "@tenantry/contract";
import type { Database, Storage, TenantCache } from "@tenantry/data";
import { type Auth, createAuth, type SessionCache } from "./auth.ts";
import { rememberFiles } from "./file-places.ts";
import type { TellForeignFile } from "./foreign-files.ts";
import { cacheHandle, databaseHandle, storageHandle } from "./handles.ts";
import type { Resources } from "./resources.ts";
import type { RuntimeApi } from "./runtime/api.ts";
import type { RuntimeFollower } from "./runtime/follower.ts";
import { createSettings, type Settings } from "./settings.ts";
import { createTenants, type Tenants } from "./tenants.ts";
import { usableEnvironment } from "./usable.ts";

/**
 * The tenant for whom code runs. Everything in it is looked up at each use, so that a context which outlives a change
 * of its tenant (suspended, moved, renamed) never works with what was true before.
 */
export type TenantContext = {
  readonly tenant: {
    readonly id: string;
    readonly slug: string;
    readonly name: string;
    /** Its own, or that of the nearest tenant above it that has one. */
    readonly plan: string | null;
    readonly logoUrl: string | null;
    /** Whether `tenants.children()` has anybody to tell of. */
    readonly hasChildren: boolean;
  };
  readonly environment: { readonly id: string; readonly name: string; readonly hostnames: readonly string[] };
  /** An IANA time zone, and a BCP 47 language. */
  readonly timezone: string;
  readonly language: string;
  /** The gateway's id of the request, for logs. */
  readonly requestId: string | undefined;
  readonly db: Database;
  readonly storage: Storage;
  readonly cache: TenantCache;
  readonly settings: Settings;
  readonly auth: Auth;
  readonly tenants: Tenants;
};

export type ContextParts = {
  follower: RuntimeFollower;
  api: RuntimeApi;
  sessions: SessionCache;
  resources: Resources;
  foreignFiles: TellForeignFile;
};

export function createContext(
  parts: ContextParts,
  environment: RuntimeEnvironment,
  requestId: string | undefined,
): TenantContext {
  const { id } = environment;
  // Who the tenant is may be asked (by an error handler, say) even when nothing of it may be used any more.
  const newest = (): RuntimeEnvironment => parts.follower.state()?.environments.get(id) ?? environment;
  const usable = (): RuntimeEnvironment => usableEnvironment(parts.follower.state(), id);
  const context: TenantContext = {
    requestId,
    get tenant() {
      const { tenantId, tenantSlug, tenantName, plan = null, logoUrl = null, hasChildren = false } = newest();
      return { id: tenantId, slug: tenantSlug, name: tenantName, plan, logoUrl, hasChildren };
    },
    get environment() {
      const { name, hostnames } = newest();
      return { id, name, hostnames };
    },
    get timezone() {
      return newest().timezone;
    },
    get language() {
      return newest().language;
    },
    db: databaseHandle(() => parts.resources.database(usable())),
    storage: storageHandle(() => parts.resources.storage(usable())),
    cache: cacheHandle(() => parts.resources.cache(usable()), parts.resources.globalCache),
    settings: createSettings(() => usable().settings),
    auth: createAuth(parts.api, parts.sessions, () => usable().id),
    tenants: createTenants(parts.api, () => usable().id),
  };
  rememberFiles(context, {
    storage: () => usable().storage,
    refused: (request) => parts.foreignFiles(id, request),
  });
  return context;
}
