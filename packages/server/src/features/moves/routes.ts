import { moveEnvironmentRequest, operationReply, promotionListReply } from "@tenantry/contract";
import { z } from "zod";
import { principalName, principalOf, type RouteGroup, replyWithOperation } from "../../infra/http/index.ts";
import { showId } from "../../kernel/index.ts";
import type { Operations } from "../operations/index.ts";
import { moveEnvironment } from "./moves.ts";
import { findDue, type PromotionParts } from "./promotions.ts";

const params = z.object({
  tenant: z.string().max(200).describe("Its id (tnt_…) or its slug."),
  environment: z.string().max(63).describe("Its name, such as production."),
});

type RouteParts = PromotionParts & { operations: Pick<Operations, "show" | "waitForEnd"> };

/** `/v1/tenants/{tenant}/environments/{environment}/move` [MOV-1, MOV-2], and `/v1/promotions` [ISO-6] */
export function moveRoutes(deps: RouteParts): RouteGroup {
  return (api) => {
    api.get(
      "/v1/promotions",
      {
        config: { permission: "tenants:read" },
        schema: {
          operationId: "listPromotions",
          summary:
            "List who has outgrown his database level by the rules (setting promotions), the largest first",
          tags: ["tenants"],
          response: { 200: promotionListReply },
        },
      },
      async () => {
        const due = await findDue(deps);
        return { items: due.map(({ slug: tenant, level: from, ...one }) => ({ ...one, tenant, from })) };
      },
    );
    api.post(
      "/v1/tenants/:tenant/environments/:environment/move",
      {
        config: { permission: "tenants:write" },
        schema: {
          operationId: "moveEnvironment",
          summary: "Move what an environment has to other levels or servers",
          description:
            "Answers 202 with the operation. Visitors are told to come back while rows are copied, and files that were put lately; until the tenant is sent to its new place a failure or a cancellation puts it back where it was.",
          tags: ["tenants"],
          params,
          body: moveEnvironmentRequest,
          response: { 200: operationReply, 202: operationReply },
        },
      },
      async (request, reply) => {
        const requestedBy = principalName(principalOf(request));
        const operationId = await moveEnvironment(deps, request.params, request.body, { requestedBy });
        return replyWithOperation(request, reply, {
          operation: await deps.operations.show(showId("op", operationId)),
          waitForEnd: deps.operations.waitForEnd,
        });
      },
    );
  };
}
