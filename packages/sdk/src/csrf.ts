import { createHmac, timingSafeEqual } from "node:crypto";
import { type CookieRequest, readSessionCookie } from "./cookies.ts";
import { headerOf } from "./headers.ts";

/** Whether a request may change something in its user's name; if not, why, for the log. */
export type OriginVerdict = { allowed: true } | { allowed: false; reason: string };

export type CsrfRequest = CookieRequest & { method?: string | undefined };

/**
 * Refuses requests that another site makes a browser send. Every browser since 2023 says where a request comes from
 * (`Sec-Fetch-Site`), nearly all others send `Origin`. A browser with neither proves itself by `formToken`, the value of
 * `csrfToken()` that the page's form carried. Requests without a session have nothing to be abused and may pass.
 */
export function checkOrigin(request: CsrfRequest, formToken?: string): OriginVerdict {
  if (["GET", "HEAD", "OPTIONS"].includes(request.method ?? "GET")) return { allowed: true };
  const site = headerOf(request.headers, "sec-fetch-site");
  if (site !== undefined) {
    if (site === "same-origin" || site === "none") return { allowed: true };
    return { allowed: false, reason: `The request comes from another place (${site.slice(0, 40)}).` };
  }
  const origin = headerOf(request.headers, "origin");
  if (origin !== undefined) return sameHost(origin, headerOf(request.headers, "host"));
  const session = readSessionCookie(request);
  if (session === undefined || tokensEqual(formToken, csrfToken(session))) return { allowed: true };
  return {
    allowed: false,
    reason: "The browser doesn't say where the request comes from, and the token is wrong.",
  };
}

/** A token for forms, bound to the session: whoever can't read the session can't make it. */
export function csrfToken(sessionToken: string): string {
  return createHmac("sha256", sessionToken).update("tenantry.csrf.v1").digest("base64url");
}

function sameHost(origin: string, host: string | undefined): OriginVerdict {
  if (host !== undefined && URL.canParse(origin)) {
    const { protocol, host: from } = new URL(origin);
    // Read with the origin's scheme, so that a default port may be named or not.
    const here = `${protocol}//${host}`;
    if (URL.canParse(here) && from !== "" && new URL(here).host === from) return { allowed: true };
  }
  return { allowed: false, reason: `The request comes from another origin (${origin.slice(0, 100)}).` };
}

function tokensEqual(given: string | undefined, right: string): boolean {
  const [left, expected] = [Buffer.from(given ?? ""), Buffer.from(right)];
  return left.length === expected.length && timingSafeEqual(left, expected);
}
