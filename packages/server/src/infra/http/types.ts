import type { KeyKind, Permission } from "@tenantry/contract";
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { KeyWatch } from "./key-watch.ts";

/** The API that features add their routes to. Schemas are zod's; every route names its permission in `config`. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What a feature exports: adds its routes. `export function tenantRoutes(deps): RouteGroup`. */
export type RouteGroup = (api: Api) => void | Promise<void>;

/** Who sent a request. Ids are UUIDs. */
export type Principal = { kind: "operator"; keyId: string } | { kind: "app"; keyId: string; appId: string };

/** A route that the API has, as it was declared: `/v1/tenants/:tenant`. */
export type KnownRoute = { method: string; url: string; permission: Permission | "public" };

export type { FastifyReply as Reply, FastifyRequest as Request };

declare module "fastify" {
  interface FastifyContextConfig {
    /** Which permission the key must hold; "public" needs no key. A route without one isn't accepted. */
    permission?: Permission | "public";
    /** Answers on behalf of the platform itself: neither limited nor written to the access log. */
    quiet?: boolean;
    /** Its reply holds a secret, or what is true at this moment alone: it isn't kept for who repeats the request. */
    forgetful?: boolean;
    /** Whether its replies wait until what they say holds at every gateway; left out, those to changes do. */
    settled?: boolean;
  }
  interface FastifyRequest {
    /** Who sent it; undefined on public routes. */
    principal: Principal | undefined;
  }
  interface FastifyInstance {
    /** Aborts when the API begins to close: end what would go on for long. */
    drainSignal: AbortSignal;
    /** Every route there is, but HEAD. */
    knownRoutes: readonly KnownRoute[];
    /** Tells when the right of a key ends. */
    keyWatch: KeyWatch;
  }
}

/** The operator or application that sent the request. Only for routes that need a permission. */
export function principalOf(request: FastifyRequest): Principal {
  if (!request.principal)
    throw new Error(`Route ${request.routeOptions.url} is public: it has no principal.`);
  return request.principal;
}

/** The application that sent the request, by its UUID. Only for routes that need a `runtime:` permission. */
export function requestingAppId(request: FastifyRequest): string {
  const principal = principalOf(request);
  if (principal.kind !== "app")
    throw new Error(`Route ${request.routeOptions.url} let an operator's key in.`);
  return principal.appId;
}

/** How a principal is written in logs and as `requested_by`: `operator:key_…`. */
export function principalName(principal: Principal): `${KeyKind}:${string}` {
  return `${principal.kind}:${principal.keyId}`;
}
