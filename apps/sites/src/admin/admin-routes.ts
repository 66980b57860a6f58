import type { Tenantry } from "@tenantry/sdk";
import { Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Rendering } from "../pages/rendered-page.ts";
import { adminPolicy } from "../security-headers.ts";
import { takeInUnreadBody } from "../unread-body.ts";
import { accountRoutes } from "../users/account-routes.ts";
import { userRoutes } from "../users/user-routes.ts";
import { type AdminEnv, recogniseEditor } from "./editor.ts";
import { refuseForeignForms } from "./form.ts";
import { loginRoutes } from "./login-routes.ts";
import { mediaLibraryRoutes } from "./media-routes.ts";
import { pageRoutes } from "./page-routes.ts";
import { showForeign, showMayOnlyLook, showNothingHere, showTooLarge } from "./refusals.ts";
import { showSites } from "./sites.ts";
import { uploadRoutes } from "./upload-routes.ts";

/** A page's text has 200,000 characters at most; each may take nine bytes in a form. */
const maxFormBytes = 2_000_000;

/** The editor: everything below /admin. */
export function adminRoutes(rendering: Rendering): Hono<AdminEnv> {
  const { tenantry } = rendering;
  const routes = new Hono<AdminEnv>();
  routes.use(takeInUnreadBody);
  routes.use(async (context, next) => {
    context.header("cache-control", "no-store");
    context.header("content-security-policy", adminPolicy);
    await next();
  });
  routes.use(recogniseEditor(tenantry));
  routes.route("/", uploadRoutes(tenantry));
  routes.use(bodyLimit({ maxSize: maxFormBytes, onError: (context) => showTooLarge(tenantry, context) }));
  routes.use(refuseForeignForms((context) => showForeign(tenantry, context)));
  routes.route("/", loginRoutes(tenantry));
  routes.get("/", (context) => context.redirect("/admin/pages", 303));
  routes.route("/account", accountRoutes(tenantry));
  routes.use(refuseUnknownAndViewers(tenantry));
  routes.route("/pages", pageRoutes(rendering));
  routes.route("/media", mediaLibraryRoutes(tenantry));
  routes.route("/users", userRoutes(tenantry));
  routes.get("/sites", (context) => showSites(tenantry, context));
  routes.all("*", (context) => showNothingHere(tenantry, context));
  return routes;
}

/**
 * Whoever isn't logged in is asked to; what they sent is answered by its route, which can give it back. Viewers may look
 * and change nothing.
 */
function refuseUnknownAndViewers(tenantry: Tenantry): MiddlewareHandler<AdminEnv> {
  return async (context, next) => {
    const { editor } = context.var;
    const { method, path } = context.req;
    if (!editor && method !== "POST") {
      return context.redirect(`/admin/login?next=${encodeURIComponent(path)}`, 303);
    }
    if (editor && method === "POST" && !editor.mayEdit) return showMayOnlyLook(tenantry, context);
    await next();
    return undefined;
  };
}
