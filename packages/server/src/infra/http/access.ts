import { keyHolds } from "@tenantry/contract";
import { failure } from "../../kernel/index.ts";
import type { Principal, Request } from "./types.ts";

/** Who sent a request: undefined without a key, or with one that isn't good (any more). */
export type Authenticate = (request: Request) => Promise<Principal | undefined>;

/** Whether a route needs no key. What no route takes is told to anyone. */
export function isPublic(request: Request): boolean {
  const permission = request.routeOptions.config.permission;
  return permission === undefined || permission === "public";
}

/** Lets a request on to its route, or throws 401 (no good key) or 403 (a key that may not). */
export function requirePermission(request: Request): void {
  const permission = request.routeOptions.config.permission;
  if (permission === undefined || permission === "public") return;
  if (!request.principal) throw failure("unauthenticated");
  if (!keyHolds(request.principal.kind, permission)) {
    const whose = request.principal.kind === "app" ? "an application's key" : "an operator's key";
    throw failure("forbidden", { detail: `This needs the permission ${permission}, which ${whose} lacks.` });
  }
}

/** The key of `Authorization: Bearer …`; undefined when there is none. */
export function bearerKey(request: Request): string | undefined {
  return /^Bearer +([\x21-\x7e]{1,200})$/i.exec(request.headers.authorization ?? "")?.[1];
}
