import { once } from "node:events";
import type { TestKitChange, TestKitJoin, TestKitTenant, TestKitUser } from "@tenantry/contract";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { replyWithProblem } from "../../infra/http/problem.ts";
import { failure } from "../../kernel/index.ts";
import type { Host } from "./host.ts";
import type { TestInstallation } from "./installation.ts";
import type { Member } from "./members.ts";
import type { Wanted } from "./tenancy.ts";

export type HostApiOptions = {
  host(): Host;
  installation(): TestInstallation;
  /** Of `host.json`: good for everything below `/kit`. */
  key: string;
  /** Somebody came or went. */
  onMembers(): void;
  stop(): void;
};

const mostBytes = 64 * 1024 * 1024;
const heartbeatMs = 15_000;

/** What tests ask for (`/kit`), and what their applications follow (`/v1/runtime`), on loopback alone. */
export function createHostApi(options: HostApiOptions): FastifyInstance {
  const api = fastify({ bodyLimit: mostBytes, forceCloseConnections: true, requestTimeout: 0 });
  api.setErrorHandler((error, request, reply) => replyWithProblem(error, request, reply));
  api.register(async (scope) => {
    scope.addHook("onRequest", async (request) => {
      if (bearer(request) !== options.key) throw failure("unauthenticated");
    });
    kitRoutes(scope, options);
  });
  api.register(async (scope) => runtimeRoutes(scope, options));
  return api;
}

function kitRoutes(api: FastifyInstance, { host, installation, onMembers, stop }: HostApiOptions): void {
  const memberOf = (request: FastifyRequest): Member => {
    const member = host().tenancy.byId((request.params as { member: string }).member);
    if (!member) throw failure("not_found", { detail: "This membership has ended." });
    return member;
  };
  const environmentOf = (request: FastifyRequest) => (request.params as { environment: string }).environment;

  api.get("/kit/status", async () => {
    const members = host().tenancy.members();
    const tenants = members.reduce((sum, member) => sum + member.size(), 0);
    return { members: members.length, tenants, toRemove: host().toRemove() };
  });
  api.post("/kit/members", async (request, reply) => {
    const { tenancy } = host();
    const gone = goneSignal(reply);
    const member = await tenancy.join(request.body as TestKitJoin, gone);
    onMembers();
    await stream(reply, gone, `data: ${JSON.stringify(installation().joined(member))}\n\n`);
    tenancy.leave(member);
    onMembers();
  });
  api.post("/kit/members/:member/tenants", async (request) => {
    const id = await host().tenancy.add(memberOf(request), request.body as TestKitTenant & Wanted);
    return { environmentId: id };
  });
  api.patch("/kit/members/:member/tenants/:environment", async (request) => {
    host().tenancy.change(memberOf(request), environmentOf(request), request.body as TestKitChange);
    return {};
  });
  api.delete("/kit/members/:member/tenants/:environment", async (request) => {
    host().tenancy.remove(memberOf(request), environmentOf(request));
    return {};
  });
  api.post("/kit/members/:member/tenants/:environment/sessions", async (request) => {
    const member = memberOf(request);
    if (!member.get(environmentOf(request))) throw failure("environment_not_found");
    return member.sessions.open(environmentOf(request), request.body as TestKitUser);
  });
  api.post("/kit/stop", async () => {
    stop();
    return {};
  });
}

type SessionQuestion = { environmentId: string; token: string };

/** The part of an installation's API that an application's SDK asks. */
function runtimeRoutes(api: FastifyInstance, { host, installation }: HostApiOptions): void {
  const memberOf = (request: FastifyRequest): Member => {
    const member = host().tenancy.byKey(bearer(request));
    if (!member) throw failure("unauthenticated");
    return member;
  };
  api.get("/v1/runtime/snapshot", async (request) => {
    const { since, process } = request.query as { since?: string; process?: string };
    const question = { since, processId: process };
    return installation().snapshot(memberOf(request), question, host().backendsPerProcess());
  });
  api.get("/v1/runtime/stream", async (request, reply) => {
    const member = memberOf(request);
    const moved = () => reply.raw.write("event: version\ndata: {}\n\n");
    const unwatch = member.watch(moved);
    await stream(reply, goneSignal(reply), "event: version\ndata: {}\n\n");
    unwatch();
  });
  api.post("/v1/runtime/environments/:environment/database/repair", async (request, reply) => {
    const { environment } = request.params as { environment: string };
    const tenant = memberOf(request).get(environment);
    if (!tenant) throw failure("environment_not_found");
    await tenant.place.repair();
    return reply.code(204).send();
  });
  // There are no events here to tell it by.
  api.post("/v1/runtime/environments/:environment/files/foreign", async (_request, reply) =>
    reply.code(204).send(),
  );
  // No tenant stands below another one here.
  api.get("/v1/runtime/environments/:environment/children", async (request) => {
    memberOf(request);
    return { items: [], nextCursor: null };
  });
  api.post("/v1/runtime/auth/session", async (request) => {
    const { environmentId, token } = request.body as SessionQuestion;
    return memberOf(request).sessions.find(environmentId, token);
  });
  api.post("/v1/runtime/auth/logout", async (request, reply) => {
    const { environmentId, token } = request.body as SessionQuestion;
    memberOf(request).sessions.close(environmentId, token);
    return reply.code(204).send();
  });
  api.all("/v1/runtime/*", async (request) => {
    memberOf(request);
    throw failure("not_found", {
      detail: "The test kit has no users with passwords: `tenant.signIn()` gives a test the session of one.",
    });
  });
}

/** Sends a first piece, and signs of life, until the other side goes or we close. */
async function stream(reply: FastifyReply, gone: AbortSignal, first: string): Promise<void> {
  reply.hijack();
  reply.raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  reply.raw.write(first);
  const heartbeat = setInterval(() => reply.raw.write(": still here\n\n"), heartbeatMs);
  if (!gone.aborted) await once(gone, "abort");
  clearInterval(heartbeat);
}

function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  if (reply.raw.destroyed) gone.abort();
  else reply.raw.once("close", () => gone.abort());
  return gone.signal;
}

const bearer = (request: FastifyRequest): string | undefined =>
  /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
