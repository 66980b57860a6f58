import { runtimeForeignFileRequest } from "@tenantry/contract";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import { type Db, inTransaction } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import { type Api, requestingAppId } from "../../infra/http/index.ts";
import { showId } from "../../kernel/index.ts";
import { findPlace } from "./auth.ts";

const tellEveryMs = 60_000;
const mostRemembered = 10_000;

/** For an application that refused, on one tenant's host, an address that was signed for another's file [ISO-11]. */
export function runtimeForeignFileRoute(api: Api, { db }: { db: Db }): void {
  const told = new LRUCache<string, true>({ max: mostRemembered, ttl: tellEveryMs });
  api.post(
    "/v1/runtime/environments/:environment/files/foreign",
    {
      config: { permission: "runtime:read", quiet: true },
      schema: {
        operationId: "runtimeForeignFile",
        summary: "Tell that another tenant's signed address was tried here, and refused",
        description: "Told on as the event file.used-elsewhere, once a minute for each two environments.",
        tags: ["runtime"],
        params: z.object({
          environment: z.string().max(60).describe("The id of the environment where it was tried."),
        }),
        body: runtimeForeignFileRequest,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const appId = requestingAppId(request);
      const triedIn = await findPlace(db, appId, request.params.environment);
      const owner = await findPlace(db, appId, request.body.owner);
      const key = `${owner.environmentId} ${triedIn.environmentId}`;
      if (owner.environmentId === triedIn.environmentId || told.has(key)) return reply.code(204).send(null);
      told.set(key, true);
      const { tenantId, environmentId } = owner;
      const data = { environmentId: showId("env", triedIn.environmentId) };
      request.log.warn({ tenantId, triedIn: triedIn.tenantId, ...data }, "file.used-elsewhere");
      await inTransaction(db, (tx) =>
        recordEvent(tx, { name: "file.used-elsewhere", tenantId, environmentId, data }),
      );
      return reply.code(204).send(null);
    },
  );
}
