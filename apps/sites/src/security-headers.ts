import type { MiddlewareHandler } from "hono";

/** What pages may load: their own style, pictures and sound, and no script at all. */
const publicPolicy = [
  "default-src 'none'",
  "style-src 'self'",
  "img-src 'self'",
  "media-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The editor has a script of its own, which asks this site alone. */
export const adminPolicy = `${publicPolicy}; script-src 'self'; connect-src 'self'`;

/** The headers of every answer; a handler that needs others sets its own. */
export function securityHeaders(): MiddlewareHandler {
  return async (context, next) => {
    await next();
    const { headers } = context.res;
    if (!headers.has("content-security-policy")) headers.set("content-security-policy", publicPolicy);
    headers.set("x-content-type-options", "nosniff");
    if (!headers.has("referrer-policy")) headers.set("referrer-policy", "strict-origin-when-cross-origin");
    headers.set("cross-origin-opener-policy", "same-origin");
    headers.set("permissions-policy", "camera=(), microphone=(), geolocation=()");
  };
}
