import {
  type RuntimeSnapshot,
  runtimeLoginReply,
  runtimeLoginRequest,
  runtimePasswordRequest,
  runtimeRegisterRequest,
  runtimeSessionReply,
  runtimeSessionRequest,
  runtimeVerificationReply,
  runtimeVerificationRequest,
  runtimeVerifyEmailReply,
  runtimeVerifyEmailRequest,
} from "@tenantry/contract";
import { z } from "zod";
import type { Db, VersionWatch } from "../../infra/db/index.ts";
import { type Api, type RouteGroup, requestingAppId, sendEvents } from "../../infra/http/index.ts";
import type { LogIn, Register, Users, Verifications } from "../access/index.ts";
import { changePassword, findPlace, requireOpen } from "./auth.ts";
import { runtimeCacheRoutes } from "./cache-routes.ts";
import { runtimeChildrenRoute } from "./children-route.ts";
import { type RepairLogin, runtimeDatabaseRoutes } from "./database-routes.ts";
import { runtimeForeignFileRoute } from "./foreign-file-routes.ts";
import type { SnapshotQuestion } from "./snapshot.ts";
import { type GiveStorageKeys, runtimeStorageRoutes } from "./storage-routes.ts";
import { runtimeUserRoutes } from "./user-routes.ts";

export type RuntimeRouteDeps = {
  db: Db;
  logIn: LogIn;
  users: Users;
  register: Register;
  verifications: Verifications;
  snapshot: (question: SnapshotQuestion) => Promise<RuntimeSnapshot>;
  versions: VersionWatch;
  repairLogin: RepairLogin;
  repairCache: RepairLogin;
  repairGlobalCache: (appId: string) => Promise<boolean>;
  storageKeys: GiveStorageKeys;
  /** How a host's address is written. */
  publicUrl: (hostname: string) => string;
};

const tags = ["runtime"];
// Asked many times a second by applications that work as they should: neither limited nor logged line by line.
const follow = { permission: "runtime:read", quiet: true } as const;
const users = { permission: "runtime:users", quiet: true } as const;

/** What the SDK asks for, by an application's key: `/v1/runtime`. A key reaches its own application's tenants alone. */
export function runtimeRoutes(deps: RuntimeRouteDeps): RouteGroup {
  return (api) => {
    followRoutes(api, deps);
    authRoutes(api, deps);
    passwordRoute(api, deps);
    registrationRoute(api, deps);
    verificationRoutes(api, deps);
    runtimeUserRoutes(api, deps);
    runtimeDatabaseRoutes(api, deps);
    runtimeCacheRoutes(api, deps);
    runtimeStorageRoutes(api, deps);
    runtimeForeignFileRoute(api, deps);
    runtimeChildrenRoute(api, deps);
  };
}

function followRoutes(api: Api, { snapshot, versions }: RuntimeRouteDeps): void {
  const querystring = z.strictObject({
    since: z
      .string()
      .max(100)
      .optional()
      .describe("The cursor of the page before; from the beginning without one."),
    process: z
      .string()
      .regex(/^[\w-]{8,64}$/, "must be 8 to 64 letters, digits, _ or -")
      .optional()
      .describe("Names the process that asks, so that it gets its share of database connections."),
  });
  const summary = "What an application's process has to know, secrets included";
  api.get(
    "/v1/runtime/snapshot",
    { config: follow, schema: { operationId: "runtimeSnapshot", summary, tags, querystring } },
    async (request, reply) => {
      const { since, process: processId } = request.query;
      const answer = await snapshot({ appId: requestingAppId(request), since, processId });
      return reply.header("cache-control", "no-store").send(answer);
    },
  );
  api.get(
    "/v1/runtime/stream",
    {
      config: follow,
      schema: {
        operationId: "runtimeStream",
        summary: "Server-sent events: the snapshot has moved on",
        tags,
      },
    },
    (request, reply) =>
      sendEvents(request, reply, async function* ({ signal }) {
        for await (const version of versions.changes(signal)) yield { event: "version", data: { version } };
      }),
  );
}

function authRoutes(api: Api, { db, logIn }: RuntimeRouteDeps): void {
  api.post(
    "/v1/runtime/auth/login",
    {
      // The session's token is in the answer and nowhere else.
      config: { ...users, forgetful: true },
      schema: {
        operationId: "runtimeLogin",
        summary: "Log a user in",
        tags,
        body: runtimeLoginRequest,
        response: { 200: runtimeLoginReply },
      },
    },
    async (request) => {
      const { environmentId, ...credentials } = request.body;
      const place = await findPlace(db, requestingAppId(request), environmentId);
      requireOpen(place);
      return logIn.logIn(place, credentials);
    },
  );
  api.post(
    "/v1/runtime/auth/session",
    {
      // It may have ended by the time that somebody repeats the question.
      config: { ...users, forgetful: true },
      schema: {
        operationId: "runtimeSession",
        summary: "Whose session it is",
        tags,
        body: runtimeSessionRequest,
        response: { 200: runtimeSessionReply },
      },
    },
    async (request) => {
      const place = await findPlace(db, requestingAppId(request), request.body.environmentId);
      return logIn.session(place, request.body.token);
    },
  );
  api.post(
    "/v1/runtime/auth/logout",
    {
      config: users,
      schema: {
        operationId: "runtimeLogout",
        summary: "End a session",
        tags,
        body: runtimeSessionRequest,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const place = await findPlace(db, requestingAppId(request), request.body.environmentId);
      await logIn.logOut(place, request.body.token);
      return reply.code(204).send(null);
    },
  );
}

function passwordRoute(api: Api, deps: RuntimeRouteDeps): void {
  api.post(
    "/v1/runtime/auth/password",
    {
      config: { ...users, forgetful: true },
      schema: {
        operationId: "runtimePassword",
        summary: "Give the session's user another password",
        description: "All sessions of the user end; a new one is in the answer.",
        tags,
        body: runtimePasswordRequest,
        response: { 200: runtimeLoginReply },
      },
    },
    async (request) => {
      const { environmentId, ...change } = request.body;
      const place = await findPlace(deps.db, requestingAppId(request), environmentId);
      requireOpen(place);
      return changePassword(deps, place, change);
    },
  );
}

function registrationRoute(api: Api, { db, register }: RuntimeRouteDeps): void {
  api.post(
    "/v1/runtime/auth/register",
    {
      config: users,
      schema: {
        operationId: "runtimeRegister",
        summary: "Make a visitor a user, whose address isn't proven",
        description: "The answer is the same whether or not the address is taken.",
        tags,
        body: runtimeRegisterRequest,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { environmentId, ...applicant } = request.body;
      const place = await findPlace(db, requestingAppId(request), environmentId);
      requireOpen(place);
      await register(place, applicant);
      return reply.code(204).send(null);
    },
  );
}

function verificationRoutes(api: Api, { db, verifications }: RuntimeRouteDeps): void {
  api.post(
    "/v1/runtime/auth/verification",
    {
      // The token is in the answer and nowhere else.
      config: { ...users, forgetful: true },
      schema: {
        operationId: "runtimeVerification",
        summary: "Make what a visitor proves their address with",
        description: "Good once, for 24 hours. Send it to the address, and to nobody else.",
        tags,
        body: runtimeVerificationRequest,
        response: { 200: runtimeVerificationReply },
      },
    },
    async (request) => {
      const { environmentId, ...visitor } = request.body;
      const place = await findPlace(db, requestingAppId(request), environmentId);
      requireOpen(place);
      return { verification: (await verifications.issueTo(place, visitor)) ?? null };
    },
  );
  api.post(
    "/v1/runtime/auth/verify-email",
    {
      config: users,
      schema: {
        operationId: "runtimeVerifyEmail",
        summary: "Prove an address",
        description: "Who repeats it gets the same answer; no session comes of it.",
        tags,
        body: runtimeVerifyEmailRequest,
        response: { 200: runtimeVerifyEmailReply },
      },
    },
    async (request) => {
      const place = await findPlace(db, requestingAppId(request), request.body.environmentId);
      requireOpen(place);
      return { user: await verifications.redeem(place, request.body.token) };
    },
  );
}
