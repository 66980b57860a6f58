import {
  type RuntimeStorageKeys,
  runtimeStorageKeysReply,
  runtimeStorageKeysRequest,
} from "@tenantry/contract";
import { z } from "zod";
import type { Db } from "../../infra/db/index.ts";
import { type Api, requestingAppId } from "../../infra/http/index.ts";
import { failure } from "../../kernel/index.ts";
import { findPlace } from "./auth.ts";
import type { PlaceRow } from "./runtime.sql.ts";

export type GiveStorageKeys = (
  environmentId: string,
  asked: { lastsSeconds: number },
) => Promise<RuntimeStorageKeys>;

/** For an application whose tenants' files lie where keys are given for a time. */
export function runtimeStorageRoutes(api: Api, deps: { db: Db; storageKeys: GiveStorageKeys }): void {
  api.post(
    "/v1/runtime/environments/:environment/storage/keys",
    {
      // The keys are in the answer and nowhere else.
      config: { permission: "runtime:read", quiet: true, forgetful: true },
      schema: {
        operationId: "runtimeStorageKeys",
        summary: "Keys for a time, which reach an environment's files and nothing else",
        description: "None are given while it may not be used.",
        tags: ["runtime"],
        params: z.object({ environment: z.string().max(60).describe("The environment's id.") }),
        body: runtimeStorageKeysRequest,
        response: { 200: runtimeStorageKeysReply },
      },
    },
    async (request, reply) => {
      const place = await findPlace(deps.db, requestingAppId(request), request.params.environment);
      requireUsable(place);
      const keys = await deps.storageKeys(place.environmentId, request.body);
      return reply.header("cache-control", "no-store").send(keys);
    },
  );
}

function requireUsable({ tenantStatus, environmentStatus }: PlaceRow): void {
  if (tenantStatus === "active" && environmentStatus === "ready") return;
  const state = tenantStatus === "active" ? environmentStatus : tenantStatus;
  throw failure("environment_unavailable", { detail: `No keys are given now: it is ${state}.` });
}
