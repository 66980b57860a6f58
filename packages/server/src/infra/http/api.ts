import type { Server } from "node:http";
import helmet from "@fastify/helmet";
import { type FastifyHttpOptions, type FastifyPluginAsync, fastify, LogController } from "fastify";
import { serializerCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { encodeUuid, newId } from "../../kernel/index.ts";
import type { Log } from "../log/index.ts";
import { createMetrics, type Metrics } from "../metrics/index.ts";
import { type Authenticate, isPublic, requirePermission } from "./access.ts";
import { shareAmongApplications } from "./application-share.ts";
import { readJsonBodies, refuseUnreadBody, refuseUnstorableText } from "./body.ts";
import { rememberRequests } from "./closing.ts";
import { answerNotModified } from "./conditional.ts";
import { createHostCheck } from "./host-check.ts";
import { addIdempotency, type IdempotencyStore } from "./idempotency.ts";
import { createKeyWatch, type FindGoodKeys } from "./key-watch.ts";
import { answerUnknownRoutes } from "./not-found.ts";
import { observeRequests } from "./observe.ts";
import { documentApi, documentationPath } from "./openapi.ts";
import { addPlatformRoutes, type ReadinessCheck } from "./platform-routes.ts";
import { rawProblem, replyWithProblem } from "./problem.ts";
import { createRateLimit, type RateLimits } from "./rate-limit.ts";
import { requireRouteRules } from "./route-rules.ts";
import { replyWhenSettled } from "./settled.ts";
import type { Api, KnownRoute, RouteGroup } from "./types.ts";
import { validate } from "./validation.ts";

export type ApiOptions = {
  log: Log;
  authenticate: Authenticate;
  /** Asked every second about the keys of those who follow event streams. */
  findGoodKeys: FindGoodKeys;
  groups: readonly RouteGroup[];
  version: string;
  idempotency: IdempotencyStore;
  /** Names beside loopback and IP addresses under which the API answers. */
  hosts?: readonly string[];
  rateLimits?: RateLimits;
  metrics?: Metrics;
  checks?: readonly ReadinessCheck[];
  /** Whether this node is about to stop: `/readyz` says so, everything else goes on. */
  isDraining?: () => boolean;
  publicKeys?: () => Promise<{ keys: object[] }>;
  /** Waited for before the reply to a request that may have changed something: until what it says holds everywhere. */
  settled?: () => Promise<void>;
};

const generousLimits: RateLimits = { perPrincipal: 6_000, perAddress: 600 };

/**
 * Builds the API: what every route shares, then the routes of `groups`. It is ready to `listen()`; `close()` stops
 * accepting, ends event streams, and lets running requests finish.
 *
 * A route that declares no permission, or accepts fields it doesn't know, makes this reject.
 */
export async function createApi(options: ApiOptions): Promise<Api> {
  const api = bareApi(options);
  api.setErrorHandler((error, request, reply) => replyWithProblem(error, request, reply));
  api.setValidatorCompiler(validate);
  api.setSerializerCompiler(serializerCompiler);
  readJsonBodies(api);

  const drain = new AbortController();
  api.decorate("drainSignal", drain.signal);
  api.decorate("keyWatch", createKeyWatch(options));
  api.decorateRequest("principal", undefined);
  api.addHook("preClose", async () => drain.abort());
  api.addHook("onSend", async (_request, reply) => {
    if (drain.signal.aborted) reply.header("connection", "close");
    if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
  });

  const metrics = options.metrics ?? createMetrics({ ofProcess: false });
  rememberRequests(api);
  observeRequests(api, metrics);
  answerUnknownRoutes(api);
  const routes: KnownRoute[] = [];
  api.decorate("knownRoutes", routes);
  api.addHook("onRoute", (route) => {
    if (`${route.url}/`.startsWith(`${documentationPath}/`)) {
      route.config = { ...route.config, permission: "public", quiet: true };
    }
    requireRouteRules(route);
    for (const method of [route.method].flat()) {
      if (method !== "HEAD") routes.push({ method, url: route.url, permission: route.config!.permission! });
    }
  });
  await api.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    // Whoever puts TLS before the API decides on it; on plain loopback it would only mislead.
    strictTransportSecurity: false,
  });
  addGates(api, options);
  addIdempotency(api, options.idempotency);
  if (options.settled) replyWhenSettled(api, options.settled);
  api.addHook("onSend", answerNotModified);

  await documentApi(api, options.version);
  addPlatformRoutes(api, {
    checks: options.checks ?? [],
    metrics,
    version: options.version,
    isDraining: () => drain.signal.aborted || (options.isDraining?.() ?? false),
    publicKeys: options.publicKeys,
  });
  for (const group of options.groups) {
    const plugin: FastifyPluginAsync = async (scope) => group(scope as Api);
    await api.register(plugin);
  }
  await api.ready();
  return api;
}

function bareApi(options: ApiOptions): Api {
  const settings: FastifyHttpOptions<Server> = {
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    bodyLimit: 1024 * 1024,
    requestTimeout: 60_000,
    // Node would answer without a problem document; the host check refuses it too.
    http: { requireHostHeader: false },
    genReqId: () => `req_${encodeUuid(newId())}`,
    requestIdHeader: false,
    // A request that comes in over an open connection while we close is served; then the connection ends.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 500 },
    frameworkErrors: (error, request, reply) => replyWithProblem(error, request, reply),
    clientErrorHandler: (error, socket) => {
      if (socket.writable) socket.end(rawProblem(rawCode((error as NodeJS.ErrnoException).code)));
      else socket.destroy();
    },
  };
  return fastify(settings).withTypeProvider<ZodTypeProvider>() as unknown as Api;
}

function rawCode(code: string | undefined): "headers_too_large" | "timed_out" | "malformed_request" {
  if (code === "HPE_HEADER_OVERFLOW") return "headers_too_large";
  return code === "ERR_HTTP_REQUEST_TIMEOUT" ? "timed_out" : "malformed_request";
}

/** What each request passes before its route: its name for us, who sent it, how often, and whether they may. */
function addGates(api: Api, options: ApiOptions): void {
  const checkHost = createHostCheck(options.hosts ?? []);
  const countRequest = createRateLimit(options.rateLimits ?? generousLimits);
  api.addHook("onRequest", async (request, reply) => {
    reply.header("tenantry-request-id", request.id);
    checkHost(request);
    if (!isPublic(request)) request.principal = await options.authenticate(request);
    countRequest(request, reply);
    requirePermission(request);
  });
  shareAmongApplications(api);
  api.addHook("preValidation", refuseUnstorableText);
  api.addHook("preValidation", refuseUnreadBody);
}
