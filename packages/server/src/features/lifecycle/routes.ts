import {
  createTenantRequest,
  operationReply,
  tenantListReply,
  tenantReply,
  tenantStatuses,
  updateTenantRequest,
} from "@tenantry/contract";
import { z } from "zod";
import type { Db } from "../../infra/db/index.ts";
import {
  type Api,
  decodeCursor,
  encodeCursor,
  pageQuery,
  principalName,
  principalOf,
  type RouteGroup,
  replyWithOperation,
  requireMatch,
} from "../../infra/http/index.ts";
import type { Workflow } from "../../infra/workflow/index.ts";
import { showId } from "../../kernel/index.ts";
import type { Operations } from "../operations/index.ts";
import type { Settings } from "../settings/index.ts";
import { findTenant, selectTenants } from "../tenants/index.ts";
import type { CloneDependencies } from "./clone.ts";
import { addCloneRoute } from "./clone-routes.ts";
import { type CreateDependencies, createTenant } from "./create.ts";
import { deleteTenant } from "./delete.ts";
import type { DeleteInput } from "./delete-workflow.ts";
import { addMaintenanceRoutes } from "./maintenance-routes.ts";
import { addStatusRoutes } from "./status-routes.ts";
import { replyWithNewTenant, showOne, tags, tenantParams } from "./tenant-reply.ts";
import { type PublicUrl, showTenants } from "./tenant-view.ts";
import { updateTenant } from "./update.ts";

export type LifecycleDependencies = {
  db: Db;
  settings: Settings;
  operations: Operations;
  rootDomain: string;
  publicUrl: PublicUrl;
  domains: CreateDependencies["domains"];
  settleDomains: Parameters<typeof updateTenant>[3]["settleDomains"];
  provisioning: CreateDependencies["provisioning"];
  deletion: Workflow<DeleteInput>;
  /** The levels of files and caches that can be had at this moment. */
  levels: CreateDependencies["levels"];
  placements: CloneDependencies["placements"];
  clone: CloneDependencies["clone"];
};

/** `/v1/tenants`: create, clone, list, show, change, suspend, resume, close for maintenance, delete. */
export function tenantRoutes(deps: LifecycleDependencies): RouteGroup {
  return (api) => {
    addCollection(api, deps);
    addTenant(api, deps);
    addStatusRoutes(api, deps);
    addMaintenanceRoutes(api, deps);
    addCloneRoute(api, deps);
    addDeletion(api, deps);
  };
}

function addCollection(api: Api, deps: LifecycleDependencies): void {
  api.post(
    "/v1/tenants",
    {
      config: { permission: "tenants:write" },
      schema: {
        operationId: "createTenant",
        summary: "Create a tenant",
        description:
          "Answers 202 with the operation; with `Prefer: wait=30`, 201 with the tenant as soon as it is active.",
        tags,
        body: createTenantRequest,
        response: { 201: tenantReply, 202: operationReply },
      },
    },
    async (request, reply) => {
      const made = await createTenant(deps, request.body, principalName(principalOf(request)));
      return replyWithNewTenant(deps, request, reply, made);
    },
  );

  api.get(
    "/v1/tenants",
    {
      config: { permission: "tenants:read" },
      schema: {
        operationId: "listTenants",
        summary: "List tenants, newest first",
        tags,
        querystring: pageQuery.extend({
          search: z
            .string()
            .trim()
            .min(1)
            .max(200)
            .optional()
            .describe("Part of the slug or the name, or a clientId."),
          status: z.enum(tenantStatuses).optional(),
          app: z.string().max(63).optional(),
          group: z.string().max(63).optional(),
          parent: z.string().max(60).optional().describe("The children of this tenant, by its id or slug."),
        }),
        response: { 200: tenantListReply },
      },
    },
    async (request) => {
      const { limit, cursor, parent, ...filter } = request.query;
      const parentId = parent === undefined ? undefined : (await findTenant(deps.db, parent)).id;
      const after = decodeCursor(cursor, z.tuple([z.uuid()]))?.[0];
      const rows = await selectTenants(deps.db, { ...filter, parentId, limit, after });
      const shown = rows.slice(0, limit);
      const nextCursor = rows.length > limit ? encodeCursor([shown.at(-1)!.id]) : null;
      return { items: await showTenants(deps.db, shown, deps.publicUrl), nextCursor };
    },
  );
}

function addTenant(api: Api, deps: LifecycleDependencies): void {
  api.get(
    "/v1/tenants/:tenant",
    {
      // Whoever polls until a tenant is active goes to its host next.
      config: { permission: "tenants:read", settled: true },
      schema: {
        operationId: "showTenant",
        summary: "Show a tenant",
        tags,
        params: tenantParams,
        response: { 200: tenantReply },
      },
    },
    async (request, reply) => showOne(deps, reply, (await findTenant(deps.db, request.params.tenant)).id),
  );

  api.patch(
    "/v1/tenants/:tenant",
    {
      config: { permission: "tenants:write" },
      schema: {
        operationId: "updateTenant",
        summary: "Change a tenant",
        description: "A new slug moves its hosts; the old ones redirect for 30 days.",
        tags,
        params: tenantParams,
        body: updateTenantRequest,
        response: { 200: tenantReply },
      },
    },
    async (request, reply) => {
      const check = (tenant: { revision: number }) => requireMatch(request, tenant.revision);
      const { rootDomain, settleDomains } = deps;
      const options = { rootDomain, settleDomains, check };
      const id = await updateTenant(deps.db, request.params.tenant, request.body, options);
      return showOne(deps, reply, id);
    },
  );
}

function addDeletion(api: Api, deps: LifecycleDependencies): void {
  api.delete(
    "/v1/tenants/:tenant",
    {
      config: { permission: "tenants:write" },
      schema: {
        operationId: "deleteTenant",
        summary: "Delete a tenant",
        description:
          "Its hosts answer 410 at once. Until the grace period ends, resume undoes it; `?now=true` skips it.",
        tags,
        params: tenantParams,
        querystring: z.strictObject({ now: z.stringbool().default(false) }),
        response: { 200: operationReply, 202: operationReply },
      },
    },
    async (request, reply) => {
      const operationId = await deleteTenant(deps, request.params.tenant, {
        now: request.query.now,
        requestedBy: principalName(principalOf(request)),
        check: (tenant) => requireMatch(request, tenant.revision),
      });
      return replyWithOperation(request, reply, {
        operation: await deps.operations.show(showId("op", operationId)),
        waitForEnd: deps.operations.waitForEnd,
      });
    },
  );
}
