import { z } from "zod";
import type { Db } from "../../infra/db/index.ts";
import { type Api, requestingAppId } from "../../infra/http/index.ts";
import { findPlace } from "./auth.ts";

export type CacheRepairs = {
  repairCache: (environmentId: string) => Promise<boolean>;
  repairGlobalCache: (appId: string) => Promise<boolean>;
};

/** For an application that a cache server doesn't let in: one that was restarted may have forgotten its users. */
export function runtimeCacheRoutes(api: Api, deps: { db: Db } & CacheRepairs): void {
  const config = { permission: "runtime:read", quiet: true } as const;
  const description = "Nothing happens while they are as they should be.";
  const shared = { description, tags: ["runtime"], response: { 204: z.null() } };
  api.post(
    "/v1/runtime/environments/:environment/cache/repair",
    {
      config,
      schema: {
        ...shared,
        operationId: "runtimeRepairCache",
        summary: "Give the cache's user its rights back",
        params: z.object({ environment: z.string().max(60).describe("The environment's id.") }),
      },
    },
    async (request, reply) => {
      const { environment } = request.params;
      const { environmentId } = await findPlace(deps.db, requestingAppId(request), environment);
      if (await deps.repairCache(environmentId)) request.log.warn({ environment }, "cache.user_repaired");
      return reply.code(204).send(null);
    },
  );
  api.post(
    "/v1/runtime/global-cache/repair",
    {
      config,
      schema: {
        ...shared,
        operationId: "runtimeRepairGlobalCache",
        summary: "Give the user of the cache that all tenants share its rights back",
      },
    },
    async (request, reply) => {
      const appId = requestingAppId(request);
      if (await deps.repairGlobalCache(appId)) request.log.warn({ appId }, "cache.user_repaired");
      return reply.code(204).send(null);
    },
  );
}
