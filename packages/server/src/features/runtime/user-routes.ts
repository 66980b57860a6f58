import {
  createUserRequest,
  type RuntimeUser,
  type UpdateUserRequest,
  updateUserRequest,
  userReply,
  verificationReply,
} from "@tenantry/contract";
import { z } from "zod";
import type { Db } from "../../infra/db/index.ts";
import { type Api, pageOf, type Request, requestingAppId, requireMatch } from "../../infra/http/index.ts";
import { failure, showId } from "../../kernel/index.ts";
import {
  type LogIn,
  readUserFilter,
  showUser,
  showUsers,
  type Users,
  userListQuery,
  userRevision,
  userTag,
  type Verifications,
} from "../access/index.ts";
import { findPlace, requireOpen } from "./auth.ts";

type Deps = { db: Db; logIn: LogIn; users: Users; verifications: Verifications };

const url = "/v1/runtime/environments/:environment/users";
const tags = ["runtime"];
const config = { permission: "runtime:users", quiet: true } as const;
const headers = z.object({
  "tenantry-session": z.string().max(200).describe("The session of an admin of the tenant."),
});
const params = z.object({ environment: z.string().max(60).describe("The environment's id.") });
const userParams = params.extend({ user: z.string().max(100).describe("The user's id.") });
const none = { 204: z.null() };

/** A tenant's admins look after its users through the application [IAM-2]: they are whoever the session says. */
export function runtimeUserRoutes(api: Api, deps: Deps): void {
  listAndCreate(api, deps);
  change(api, deps);
  remove(api, deps);
  issueVerification(api, deps);
}

function listAndCreate(api: Api, deps: Deps): void {
  api.get(
    url,
    {
      config,
      schema: {
        operationId: "runtimeListUsers",
        summary: "List the tenant's users",
        tags,
        headers,
        params,
        querystring: userListQuery,
        response: { 200: pageOf(userReply) },
      },
    },
    async (request) => {
      const filter = readUserFilter(request.query);
      const { tenant } = await requireAdmin(deps, request);
      return showUsers(await deps.users.list(tenant, filter), filter.limit);
    },
  );
  api.post(
    url,
    {
      config,
      schema: {
        operationId: "runtimeCreateUser",
        summary: "Create a user",
        tags,
        headers,
        params,
        body: createUserRequest,
        response: { 201: userReply },
      },
    },
    async (request, reply) => {
      const { tenant, by } = await requireAdmin(deps, request);
      const user = await deps.users.create(tenant, request.body, by);
      return reply.code(201).header("etag", userTag(user)).send(showUser(user));
    },
  );
}

function change(api: Api, deps: Deps): void {
  api.get(
    `${url}/:user`,
    {
      config,
      schema: {
        operationId: "runtimeShowUser",
        summary: "Show a user",
        tags,
        headers,
        params: userParams,
        response: { 200: userReply },
      },
    },
    async (request, reply) => {
      const { tenant } = await requireAdmin(deps, request);
      const user = await deps.users.show(tenant, request.params.user);
      return reply.header("etag", userTag(user)).send(showUser(user));
    },
  );
  api.patch(
    `${url}/:user`,
    {
      config,
      schema: {
        operationId: "runtimeUpdateUser",
        summary: "Change a user",
        tags,
        headers,
        params: userParams,
        body: updateUserRequest,
        response: { 200: userReply },
      },
    },
    async (request, reply) => {
      const { tenant, admin, by } = await requireAdmin(deps, request);
      refuseOwn(admin, request.params.user, request.body);
      const user = await deps.users.update(tenant, request.params.user, request.body, {
        by,
        keepsAnAdmin: true,
        inspect: (found) => requireMatch(request, userRevision(found)),
      });
      return reply.header("etag", userTag(user)).send(showUser(user));
    },
  );
}

function remove(api: Api, deps: Deps): void {
  api.delete(
    `${url}/:user`,
    {
      config,
      schema: {
        operationId: "runtimeDeleteUser",
        summary: "Delete a user",
        tags,
        headers,
        params: userParams,
        response: none,
      },
    },
    async (request, reply) => {
      const { tenant, admin, by } = await requireAdmin(deps, request);
      if (admin.id === request.params.user) throw ownRights();
      await deps.users.remove(tenant, request.params.user, { by, keepsAnAdmin: true });
      return reply.code(204).send(null);
    },
  );
  api.delete(
    `${url}/:user/sessions`,
    {
      config,
      schema: {
        operationId: "runtimeEndSessions",
        summary: "End a user's sessions",
        tags,
        headers,
        params: userParams,
        response: none,
      },
    },
    async (request, reply) => {
      const { tenant, by } = await requireAdmin(deps, request);
      await deps.users.endSessions(tenant, request.params.user, by);
      return reply.code(204).send(null);
    },
  );
}

function issueVerification(api: Api, deps: Deps): void {
  api.post(
    `${url}/:user/verification`,
    {
      // The token is in the answer and nowhere else.
      config: { ...config, forgetful: true },
      schema: {
        operationId: "runtimeCreateVerification",
        summary: "Make what a user proves their address with",
        description: "Good once, for 24 hours. Those made before are no good any more. Nothing is sent.",
        tags,
        headers,
        params: userParams,
        response: { 201: verificationReply },
      },
    },
    async (request, reply) => {
      const { tenant, by } = await requireAdmin(deps, request);
      return reply.code(201).send(await deps.verifications.issue(tenant, request.params.user, by));
    },
  );
}

type Admin = { tenant: string; admin: RuntimeUser; by: string };

/** Throws `session_invalid`, or `forbidden` unless the session is an admin's of this very tenant. */
async function requireAdmin({ db, logIn }: Deps, request: Request): Promise<Admin> {
  const { environment } = request.params as z.output<typeof params>;
  const { "tenantry-session": session } = request.headers as z.output<typeof headers>;
  const place = await findPlace(db, requestingAppId(request), environment);
  requireOpen(place);
  const { user } = await logIn.session(place, session);
  if (user.role !== "admin") {
    throw failure("forbidden", {
      detail: "This needs a user with the role admin.",
      remedy: "Ask an admin of the tenant.",
    });
  }
  return { tenant: showId("tnt", place.tenantId), admin: user, by: `user:${user.id}` };
}

/** The one who acts stays an admin, and proves the present password before another takes its place. */
function refuseOwn(admin: RuntimeUser, userId: string, change: UpdateUserRequest): void {
  if (admin.id !== userId) return;
  if (change.role !== undefined || change.status !== undefined) throw ownRights();
  if (change.password === undefined) return;
  throw failure("forbidden", {
    detail: "One's own password is changed with the present one.",
    remedy: "Use POST /v1/runtime/auth/password.",
  });
}

function ownRights() {
  return failure("forbidden", {
    detail: "Nobody takes their own rights away.",
    remedy: "Let another admin do it.",
  });
}
