import { cloneTenantRequest, operationReply, tenantReply } from "@tenantry/contract";
import { type Api, principalName, principalOf, replyWithOperation } from "../../infra/http/index.ts";
import { showId } from "../../kernel/index.ts";
import type { Operations } from "../operations/index.ts";
import { type CloneDependencies, cloneTenant } from "./clone.ts";
import { type ShowDependencies, showOne, tags, tenantParams } from "./tenant-reply.ts";

/** `POST /v1/tenants/{tenant}/clone` */
export function addCloneRoute(
  api: Api,
  deps: CloneDependencies & ShowDependencies & { operations: Operations },
): void {
  api.post(
    "/v1/tenants/:tenant/clone",
    {
      config: { permission: "tenants:write" },
      schema: {
        operationId: "cloneTenant",
        summary: "Make a tenant like another one",
        description:
          "Rows and settings are copied, and files and users as `include` says, while the source goes on; its hosts, keys, database logins, sessions and cache stay behind. Answers as creating a tenant does.",
        tags,
        params: tenantParams,
        body: cloneTenantRequest,
        response: { 201: tenantReply, 202: operationReply },
      },
    },
    async (request, reply) => {
      const by = principalName(principalOf(request));
      const { tenantId, operationId } = await cloneTenant(deps, request.params.tenant, request.body, by);
      return replyWithOperation(request, reply, {
        operation: await deps.operations.show(showId("op", operationId)),
        waitForEnd: deps.operations.waitForEnd,
        succeeded: async () => ({
          status: 201,
          body: await showOne(deps, reply, tenantId),
          location: `/v1/tenants/${showId("tnt", tenantId)}`,
        }),
      });
    },
  );
}
