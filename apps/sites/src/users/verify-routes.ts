import { isTenantryError, type Tenantry, VerificationRefused } from "@tenantry/sdk";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { adminFrame } from "../admin/admin-frame.ts";
import { identityOf } from "../identity.ts";
import { adminPolicy } from "../security-headers.ts";
import { takeInUnreadBody } from "../unread-body.ts";
import { type Verifying, verifyView } from "./verify-view.ts";

const path = "/verify-email";
const tokenShape = /^[\w-]{43}$/;
const maxFormBytes = 10_000;

/**
 * Where the link leads that was mailed to somebody, to prove that the address is theirs [REG-7]. Looking at the page
 * proves nothing: programs that look through mails open links. Its button does.
 */
export function verifyRoutes(tenantry: Tenantry): Hono {
  const routes = new Hono();
  routes.use(path, takeInUnreadBody);
  routes.use(path, async (context, next) => {
    context.header("cache-control", "no-store");
    context.header("content-security-policy", adminPolicy);
    // The address holds the token: no other site is told of it.
    context.header("referrer-policy", "same-origin");
    await next();
  });
  routes.use(
    path,
    bodyLimit({
      maxSize: maxFormBytes,
      onError: (context) => show(tenantry, context, { state: "refused" }, 413),
    }),
  );

  routes.get(path, (context) => {
    const token = context.req.query("token") ?? "";
    if (!tokenShape.test(token)) return show(tenantry, context, { state: "incomplete" }, 422);
    return show(tenantry, context, { state: "asked", token });
  });

  routes.post(path, async (context) => {
    const { token } = await context.req.parseBody();
    if (typeof token !== "string" || !tokenShape.test(token))
      return show(tenantry, context, { state: "incomplete" }, 422);
    try {
      await tenantry.auth.verifyEmail(token);
    } catch (error) {
      if (error instanceof VerificationRefused) return show(tenantry, context, { state: "refused" }, 422);
      if (!isTenantryError(error) || error.status !== 503) throw error;
      context.header("retry-after", String(Math.ceil(error.retryAfterSeconds ?? 5)));
      return show(tenantry, context, { state: "asked", token, isAway: true }, 503);
    }
    return context.redirect("/admin/login?done=email-verified", 303);
  });
  return routes;
}

function show(
  tenantry: Tenantry,
  context: Context,
  verifying: Verifying,
  status: 200 | 413 | 422 | 503 = 200,
): Response | Promise<Response> {
  const identity = identityOf(tenantry, context.req.raw);
  return context.html(adminFrame(identity, undefined, verifyView(identity, verifying)), status);
}
