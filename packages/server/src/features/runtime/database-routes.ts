import { z } from "zod";
import type { Db } from "../../infra/db/index.ts";
import { type Api, requestingAppId } from "../../infra/http/index.ts";
import { findPlace } from "./auth.ts";

export type RepairLogin = (environmentId: string) => Promise<boolean>;

/** For an application that its tenant's database doesn't let in. */
export function runtimeDatabaseRoutes(api: Api, deps: { db: Db; repairLogin: RepairLogin }): void {
  api.post(
    "/v1/runtime/environments/:environment/database/repair",
    {
      config: { permission: "runtime:read", quiet: true },
      schema: {
        operationId: "runtimeRepairDatabase",
        summary: "Make the database's role take its password again",
        description:
          "A role may give itself another password. That is undone, and the role's connections end. Nothing happens while its password is right.",
        tags: ["runtime"],
        params: z.object({ environment: z.string().max(60).describe("The environment's id.") }),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { environment } = request.params;
      const { environmentId } = await findPlace(deps.db, requestingAppId(request), environment);
      if (await deps.repairLogin(environmentId)) request.log.warn({ environment }, "database.login_repaired");
      return reply.code(204).send(null);
    },
  );
}
