import {
  cacheServerReply,
  cacheUsageReply,
  createCacheServerRequest,
  flushCacheReply,
} from "@tenantry/contract";
import { z } from "zod";
import type { Db } from "../../infra/db/index.ts";
import {
  type Api,
  decodeCursor,
  pageOf,
  pageQuery,
  type RouteGroup,
  toPage,
} from "../../infra/http/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { selectEnvironmentsOf } from "../environments/index.ts";
import { findTenant } from "../tenants/index.ts";
import { selectCacheServers } from "./servers.sql.ts";
import { addCacheServer, findCacheServer, removeCacheServer, showCacheServer } from "./servers.ts";
import type { CacheUpkeep } from "./upkeep.ts";

const serverParams = z.strictObject({ server: z.string().max(100) });
const tenantParams = z.object({ tenant: z.string().max(200).describe("Its id (tnt_…) or its slug.") });

export type CacheRouteDeps = { db: Db; secrets: Secrets; caches: CacheUpkeep };

/** `/v1/cache-servers` and the caches of tenants [ISO-8]. */
export function cacheRoutes(deps: CacheRouteDeps): RouteGroup {
  return (api) => {
    addReading(api, deps);
    addWriting(api, deps);
    addTenants(api, deps);
  };
}

const tags = ["servers"];

function addReading(api: Api, { db, secrets }: CacheRouteDeps): void {
  const config = { permission: "servers:read" } as const;
  api.get(
    "/v1/cache-servers",
    {
      config,
      schema: {
        operationId: "listCacheServers",
        summary: "List the cache servers",
        tags,
        querystring: pageQuery,
        response: { 200: pageOf(cacheServerReply) },
      },
    },
    async ({ query }) => {
      const after = decodeCursor(query.cursor, z.tuple([z.uuid()]))?.[0];
      const rows = await selectCacheServers(db, { limit: query.limit + 1, after });
      return toPage(
        rows,
        query.limit,
        (row) => [row.id],
        (row) => showCacheServer(secrets, row),
      );
    },
  );
  api.get(
    "/v1/cache-servers/:server",
    {
      config,
      schema: {
        operationId: "showCacheServer",
        summary: "Show a cache server",
        tags,
        params: serverParams,
        response: { 200: cacheServerReply },
      },
    },
    async ({ params }) => showCacheServer(secrets, await findCacheServer(db, params.server)),
  );
}

function addWriting(api: Api, { db, secrets, caches }: CacheRouteDeps): void {
  const config = { permission: "servers:write" } as const;
  api.post(
    "/v1/cache-servers",
    {
      config,
      schema: {
        operationId: "createCacheServer",
        summary: "Register a Redis, after trying it out",
        tags,
        body: createCacheServerRequest,
        response: { 201: cacheServerReply },
      },
    },
    async (request, reply) => {
      const server = await addCacheServer(db, secrets, request.body);
      return reply.code(201).header("location", `/v1/cache-servers/${server.id}`).send(server);
    },
  );
  api.delete(
    "/v1/cache-servers/:server",
    {
      config,
      schema: {
        operationId: "deleteCacheServer",
        summary: "Take out a cache server that no tenant's cache stands on",
        description: "What the tenants of applications shared there goes with it.",
        tags,
        params: serverParams,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await removeCacheServer({ db, places: caches.places }, request.params.server);
      return reply.code(204).send(null);
    },
  );
}

/** A server is gone through a piece at a time; one so full that this takes longer has to be asked again. */
const deadlineMs = 60_000;

function addTenants(api: Api, { db, caches }: CacheRouteDeps): void {
  const environmentsOf = async (idOrSlug: string) => {
    const tenant = await findTenant(db, idOrSlug);
    return (await selectEnvironmentsOf(db, [tenant.id])).map(({ id }) => id);
  };
  const shared = { tags: ["tenants"], params: tenantParams };
  api.post(
    "/v1/tenants/:tenant/flush-cache",
    {
      config: { permission: "tenants:write" },
      schema: {
        ...shared,
        operationId: "flushTenantCache",
        summary: "Empty a tenant's caches",
        response: { 200: flushCacheReply },
      },
    },
    async ({ params }) =>
      caches.flush(db, await environmentsOf(params.tenant), AbortSignal.timeout(deadlineMs)),
  );
  api.get(
    "/v1/tenants/:tenant/cache",
    {
      config: { permission: "tenants:read" },
      schema: {
        ...shared,
        operationId: "showTenantCache",
        summary: "How much is in a tenant's caches",
        response: { 200: cacheUsageReply },
      },
    },
    async ({ params }) => {
      const ids = await environmentsOf(params.tenant);
      const usage = await caches.measure(db, ids, AbortSignal.timeout(deadlineMs));
      return usage ?? { keys: null, bytes: null };
    },
  );
}
