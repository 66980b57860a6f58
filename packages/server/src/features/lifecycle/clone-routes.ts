import { cloneTenantRequest, operationReply, tenantReply } from "@tenantry/contract";
import { type Api, principalName, principalOf } from "../../infra/http/index.ts";
import type { Operations } from "../operations/index.ts";
import { type CloneDependencies, cloneTenant } from "./clone.ts";
import { replyWithNewTenant, type ShowDependencies, tags, tenantParams } from "./tenant-reply.ts";

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
      const made = await cloneTenant(deps, request.params.tenant, request.body, by);
      return replyWithNewTenant(deps, request, reply, made);
    },
  );
}
