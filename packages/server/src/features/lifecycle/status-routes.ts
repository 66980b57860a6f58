import { suspendTenantRequest, tenantReply } from "@tenantry/contract";
import type { z } from "zod";
import type { Api, Reply, Request } from "../../infra/http/index.ts";
import { undeleteTenant } from "./delete.ts";
import { resumeTenant, suspendTenant } from "./status.ts";
import { type ShowDependencies, showOne, tags, tenantParams } from "./tenant-reply.ts";

/** Suspend and resume, under both of their names. */
export function addStatusRoutes(api: Api, deps: ShowDependencies): void {
  const suspend = async (request: Request, reply: Reply, reason: string) => {
    const { tenant } = request.params as z.infer<typeof tenantParams>;
    return showOne(deps, reply, await suspendTenant(deps.db, tenant, reason));
  };
  const resume = async (request: Request, reply: Reply) => {
    const { tenant } = request.params as z.infer<typeof tenantParams>;
    const undeleted = await undeleteTenant(deps.db, tenant);
    return showOne(deps, reply, undeleted ?? (await resumeTenant(deps.db, tenant)));
  };
  const config = { permission: "tenants:write" } as const;
  const response = { 200: tenantReply };

  api.post(
    "/v1/tenants/:tenant/suspend",
    {
      config,
      schema: {
        operationId: "suspendTenant",
        summary: "Suspend a tenant: its hosts answer 503",
        tags,
        params: tenantParams,
        body: suspendTenantRequest.default({ reason: "operator" }),
        response,
      },
    },
    async (request, reply) => suspend(request, reply, request.body.reason),
  );
  api.post(
    "/v1/tenants/:tenant/deactivate",
    {
      config,
      schema: {
        operationId: "deactivateTenant",
        summary: 'Suspend a tenant for the reason "deactivated"',
        tags,
        params: tenantParams,
        response,
      },
    },
    async (request, reply) => suspend(request, reply, "deactivated"),
  );
  for (const [verb, summary] of [
    ["resume", "Put a suspended tenant back on the air, or undo its deletion within the grace"],
    ["activate", "The same as resume"],
  ] as const) {
    api.post(
      `/v1/tenants/:tenant/${verb}`,
      { config, schema: { operationId: `${verb}Tenant`, summary, tags, params: tenantParams, response } },
      async (request, reply) => resume(request, reply),
    );
  }
}
