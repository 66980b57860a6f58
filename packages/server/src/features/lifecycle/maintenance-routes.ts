import { maintenanceRequest, tenantReply } from "@tenantry/contract";
import { z } from "zod";
import { type Api, type Request, requireMatch } from "../../infra/http/index.ts";
import { closeForMaintenance, openAfterMaintenance, type Target } from "./maintenance.ts";
import { type ShowDependencies, showOne, tags, tenantParams } from "./tenant-reply.ts";

const environmentParams = tenantParams.extend({
  environment: z.string().max(63).describe("Its name, such as production."),
});

const path = "/v1/tenants/:tenant/environments/:environment/maintenance";

/** `/v1/tenants/{tenant}/environments/{environment}/maintenance`: there while it lasts. */
export function addMaintenanceRoutes(api: Api, deps: ShowDependencies): void {
  const config = { permission: "tenants:write" } as const;
  const shared = { tags, params: environmentParams, response: { 200: tenantReply } };
  api.put(
    path,
    {
      config,
      schema: {
        ...shared,
        operationId: "startMaintenance",
        summary: "Close an environment for maintenance: its hosts answer 503 with your message",
        description:
          "Again with another message, that is shown. What stood there before is replaced as a whole.",
        body: maintenanceRequest.default({}),
      },
    },
    async (request, reply) => {
      const { message = null, retryAfterSeconds = null } = request.body;
      const target = targetOf(request, request.params);
      return showOne(deps, reply, await closeForMaintenance(deps.db, target, { message, retryAfterSeconds }));
    },
  );
  api.delete(
    path,
    {
      config,
      schema: {
        ...shared,
        operationId: "endMaintenance",
        summary: "Open an environment after its maintenance",
        description: "One that is open stays as it is.",
      },
    },
    async (request, reply) =>
      showOne(deps, reply, await openAfterMaintenance(deps.db, targetOf(request, request.params))),
  );
}

function targetOf(request: Request, params: z.infer<typeof environmentParams>): Target {
  return { ...params, check: ({ revision }) => requireMatch(request, revision) };
}
