import {
  createUserRequest,
  operatorVerificationReply,
  updateUserRequest,
  userReply,
} from "@tenantry/contract";
import { z } from "zod";
import {
  type Api,
  pageOf,
  principalName,
  principalOf,
  type Request,
  type RouteGroup,
  requireMatch,
} from "../../infra/http/index.ts";
import { showId } from "../../kernel/index.ts";
import { readUserFilter, showUser, showUsers, userListQuery, userRevision, userTag } from "./user-view.ts";
import type { Users } from "./users.ts";
import type { Verifications } from "./verifications.ts";

const tenantParams = z.object({ tenant: z.string().max(100).describe("The tenant's id or slug.") });
const userParams = tenantParams.extend({ user: z.string().max(100).describe("The user's id.") });
const tags = ["users"];
const read = { permission: "users:read" } as const;
const write = { permission: "users:write" } as const;

export type AccessRouteDeps = {
  users: Users;
  verifications: Verifications;
  /** Where the tenant's own site is; null while it has no host. */
  siteOf: (tenant: string) => Promise<string | null>;
};

/** The users of tenants, for operators: `/v1/tenants/{tenant}/users`. */
export function accessRoutes(deps: AccessRouteDeps): RouteGroup {
  const { users } = deps;
  return (api) => {
    listAndCreate(api, users);
    showAndChange(api, users);
    remove(api, users);
    issueVerification(api, deps);
  };
}

function listAndCreate(api: Api, users: Users): void {
  const url = "/v1/tenants/:tenant/users";
  api.get(
    url,
    {
      config: read,
      schema: {
        operationId: "listUsers",
        summary: "List a tenant's users",
        tags,
        params: tenantParams,
        querystring: userListQuery,
        response: { 200: pageOf(userReply) },
      },
    },
    async (request) => {
      const filter = readUserFilter(request.query);
      return showUsers(await users.list(request.params.tenant, filter), filter.limit);
    },
  );
  api.post(
    url,
    {
      config: write,
      schema: {
        operationId: "createUser",
        summary: "Create a user",
        tags,
        params: tenantParams,
        body: createUserRequest,
        response: { 201: userReply },
      },
    },
    async (request, reply) => {
      const user = await users.create(request.params.tenant, request.body, by(request));
      const location = `/v1/tenants/${encodeURIComponent(request.params.tenant)}/users/${showId("usr", user.id)}`;
      return reply.code(201).header("location", location).header("etag", userTag(user)).send(showUser(user));
    },
  );
}

function showAndChange(api: Api, users: Users): void {
  const url = "/v1/tenants/:tenant/users/:user";
  api.get(
    url,
    {
      config: read,
      schema: {
        operationId: "showUser",
        summary: "Show a user",
        tags,
        params: userParams,
        response: { 200: userReply },
      },
    },
    async (request, reply) => {
      const user = await users.show(request.params.tenant, request.params.user);
      return reply.header("etag", userTag(user)).send(showUser(user));
    },
  );
  api.patch(
    url,
    {
      config: write,
      schema: {
        operationId: "updateUser",
        summary: "Change a user",
        tags,
        params: userParams,
        body: updateUserRequest,
        response: { 200: userReply },
      },
    },
    async (request, reply) => {
      const { tenant, user } = request.params;
      const row = await users.update(tenant, user, request.body, {
        by: by(request),
        inspect: (found) => requireMatch(request, userRevision(found)),
      });
      return reply.header("etag", userTag(row)).send(showUser(row));
    },
  );
}

function remove(api: Api, users: Users): void {
  const none = { 204: z.null() };
  api.delete(
    "/v1/tenants/:tenant/users/:user",
    {
      config: write,
      schema: {
        operationId: "deleteUser",
        summary: "Delete a user",
        tags,
        params: userParams,
        response: none,
      },
    },
    async (request, reply) => {
      await users.remove(request.params.tenant, request.params.user, { by: by(request) });
      return reply.code(204).send(null);
    },
  );
  api.delete(
    "/v1/tenants/:tenant/users/:user/sessions",
    {
      config: write,
      schema: {
        operationId: "endSessions",
        summary: "End a user's sessions",
        tags,
        params: userParams,
        response: none,
      },
    },
    async (request, reply) => {
      await users.endSessions(request.params.tenant, request.params.user, by(request));
      return reply.code(204).send(null);
    },
  );
}

function issueVerification(api: Api, { verifications, siteOf }: AccessRouteDeps): void {
  api.post(
    "/v1/tenants/:tenant/users/:user/verification",
    {
      // The token is in the answer and nowhere else.
      config: { ...write, forgetful: true },
      schema: {
        operationId: "createVerification",
        summary: "Make a link by which a user proves their address",
        description: "Good once, for 24 hours. Links made before are no good any more. Nothing is sent.",
        tags,
        params: userParams,
        response: { 201: operatorVerificationReply },
      },
    },
    async (request, reply) => {
      const { tenant, user } = request.params;
      const verification = await verifications.issue(tenant, user, by(request));
      const site = await siteOf(tenant);
      const url = site && new URL(`/verify-email?token=${verification.token}`, site).href;
      return reply.code(201).send({ ...verification, url });
    },
  );
}

function by(request: Request): string {
  return principalName(principalOf(request));
}
