import { databaseSecretsReply } from "@tenantry/contract";
import { z } from "zod";
import type { Db } from "../../../infra/db/index.ts";
import type { RouteGroup } from "../../../infra/http/index.ts";
import type { Placements } from "../placements.ts";

const params = z.object({ app: z.string().max(200).describe("Its id (app_…) or its slug.") });

/** `/v1/apps/{app}/database-secrets`: by what an application's processes prove whose rows they ask for. */
export function sealRoutes(parts: {
  db: Db;
  placements: Pick<Placements, "rotateSeals">;
  findAppId: (db: Db, idOrSlug: string) => Promise<string>;
}): RouteGroup {
  const { db, placements, findAppId } = parts;
  return (api) => {
    api.post(
      "/v1/apps/:app/database-secrets/rotate",
      {
        config: { permission: "apps:write" },
        schema: {
          operationId: "rotateDatabaseSecrets",
          summary: "Replace the secrets of an application's shared databases",
          description:
            "Its processes hear of the new ones at once and go on serving; those before are as good for ten minutes. " +
            "When it is interrupted, repeat it, or wait for the hourly look at shared databases.",
          tags: ["apps"],
          params,
          response: { 200: databaseSecretsReply },
        },
      },
      async (request) => placements.rotateSeals(db, await findAppId(db, request.params.app)),
    );
  };
}
