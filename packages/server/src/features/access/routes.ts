import { createUserRequest, updateUserRequest, userReply } from "@tenantry/contract";
import { z } from "zod";
import {
  type Api,
  decodeCursor,
  etagOf,
  pageOf,
  pageQuery,
  type RouteGroup,
  requireMatch,
  toPage,
} from "../../infra/http/index.ts";
import { showId } from "../../kernel/index.ts";
import type { UserRow } from "./users.sql.ts";
import type { Users } from "./users.ts";

const tenantParams = z.object({ tenant: z.string().max(100).describe("The tenant's id or slug.") });
const userParams = tenantParams.extend({ user: z.string().max(100).describe("The user's id.") });
const tags = ["users"];
const read = { permission: "users:read" } as const;
const write = { permission: "users:write" } as const;

/** The users of tenants, for operators: `/v1/tenants/{tenant}/users`. */
export function accessRoutes({ users }: { users: Users }): RouteGroup {
  return (api) => {
    listAndCreate(api, users);
    showAndChange(api, users);
    remove(api, users);
  };
}

function listAndCreate(api: Api, users: Users): void {
  const querystring = pageQuery.extend({
    search: z.string().max(200).optional().describe("Part of address or name."),
  });
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
        querystring,
        response: { 200: pageOf(userReply) },
      },
    },
    async (request) => {
      const { limit, cursor, search } = request.query;
      const after = decodeCursor(cursor, z.tuple([z.uuid()]))?.[0];
      const rows = await users.list(request.params.tenant, { limit, search, after });
      return toPage(rows, limit, (row) => [row.id], shown);
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
      const user = await users.create(request.params.tenant, request.body);
      const location = `/v1/tenants/${encodeURIComponent(request.params.tenant)}/users/${showId("usr", user.id)}`;
      return reply.code(201).header("location", location).header("etag", tagOf(user)).send(shown(user));
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
      return reply.header("etag", tagOf(user)).send(shown(user));
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
      const row = await users.update(tenant, user, request.body, (found) =>
        requireMatch(request, revisionOf(found)),
      );
      return reply.header("etag", tagOf(row)).send(shown(row));
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
      await users.remove(request.params.tenant, request.params.user);
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
      await users.endSessions(request.params.tenant, request.params.user);
      return reply.code(204).send(null);
    },
  );
}

function shown(user: UserRow) {
  return {
    id: showId("usr", user.id),
    email: user.email,
    name: user.name,
    role: user.role,
    status: user.status,
    lastLoginAt: user.lastLoginAt?.toISOString() ?? null,
    createdAt: user.createdAt.toISOString(),
    updatedAt: user.updatedAt.toISOString(),
  };
}

function revisionOf(user: UserRow): number {
  return user.updatedAt.getTime();
}

function tagOf(user: UserRow): string {
  return etagOf(revisionOf(user));
}
