import { headerOf, type RequestHeaders } from "./headers.ts";

/** What the cookie helpers look at. `socket` matters only where no gateway stands in front. */
export type CookieRequest = { headers: RequestHeaders; socket?: object };

const plainName = "tenantry_session";
/** Browsers accept this name only with Secure, Path=/ and no Domain: a sibling host can't plant one. */
const secureName = "__Host-tenantry_session";
/** As long as a session can last at most; the server decides whether it still does. */
const maxAgeSeconds = 90 * 24 * 3600;

/** The session's token in the request's cookies; undefined when there is none. */
export function readSessionCookie(request: CookieRequest): string | undefined {
  const wanted = isSecure(request) ? secureName : plainName;
  for (const pair of (headerOf(request.headers, "cookie") ?? "").split(";")) {
    const separator = pair.indexOf("=");
    if (separator > 0 && pair.slice(0, separator).trim() === wanted) return pair.slice(separator + 1).trim();
  }
  return undefined;
}

/**
 * The `Set-Cookie` value that keeps a session: `__Host-tenantry_session` on https, `tenantry_session` where a site is
 * served without TLS (as on localhost). Never readable by scripts, never sent to another host.
 */
export function sessionCookie(request: CookieRequest, token: string): string {
  return serialise(request, token, maxAgeSeconds);
}

/** The `Set-Cookie` value that makes the browser forget the session. */
export function clearedSessionCookie(request: CookieRequest): string {
  return serialise(request, "", 0);
}

function serialise(request: CookieRequest, value: string, maxAge: number): string {
  const secure = isSecure(request);
  const attributes = `Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Lax`;
  return `${secure ? secureName : plainName}=${value}; ${attributes}${secure ? "; Secure" : ""}`;
}

/** Whether the browser speaks https. The gateway says so; it drops what clients claim themselves. */
export function isSecure(request: CookieRequest): boolean {
  const forwarded = headerOf(request.headers, "x-forwarded-proto");
  if (forwarded !== undefined) return forwarded.split(",")[0]!.trim() === "https";
  return request.socket !== undefined && "encrypted" in request.socket && request.socket.encrypted === true;
}
