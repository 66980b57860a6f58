import { problemOf, type Tenantry } from "@tenantry/sdk";
import { tenantMiddleware } from "@tenantry/sdk/hono";
import { Hono } from "hono";
import { adminRoutes } from "./admin/admin-routes.ts";
import { assetRoutes, assetsPath } from "./assets/assets.ts";
import type { SiteLog } from "./log.ts";
import { mediaRoutes } from "./media/media-routes.ts";
import { listingRoutes } from "./pages/listing-routes.ts";
import { publicRoutes, showNotFound } from "./pages/public-routes.ts";
import type { Renderer } from "./pages/renderer.ts";
import { refusalPage, refusePeopleKindly } from "./people.ts";
import { securityHeaders } from "./security-headers.ts";
import { verifyRoutes } from "./users/verify-routes.ts";

/** The whole application, as one function from request to response. */
export function createSite({
  tenantry,
  renderer,
  log,
  isReady,
}: {
  tenantry: Tenantry;
  renderer: Renderer;
  log: SiteLog;
  isReady: () => boolean;
}): Hono {
  const site = new Hono();
  site.get("/health", (context) =>
    isReady() ? context.text("ok\n") : context.text("waiting for Tenantry\n", 503, { "retry-after": "1" }),
  );
  site.use(securityHeaders());
  site.use(refusePeopleKindly());
  site.route("/", assetRoutes());
  site.use(tenantMiddleware(tenantry, { skip: (path) => path.startsWith(assetsPath) }));
  site.route("/admin", adminRoutes({ tenantry, renderer }));
  site.route("/", verifyRoutes(tenantry));
  site.route("/", mediaRoutes(tenantry));
  site.route("/", listingRoutes(tenantry));
  site.route("/", publicRoutes({ tenantry, renderer }));
  site.notFound((context) => showNotFound(context, tenantry));
  site.onError((error, context) => {
    const { method, path } = context.req;
    const problem = problemOf(error);
    const status = problem?.status ?? 500;
    const fields = { method, path, status, error: error.stack ?? String(error) };
    if (status === 503) log.warn(fields, "request.unavailable");
    else log.error(fields, "request.failed");
    if (!problem) return context.html(refusalPage(500), 500);
    // What is busy or away comes back: whoever isn't told when tries again soon.
    const wait: Record<string, string> = status === 503 ? { "retry-after": "2" } : {};
    return new Response(problem.body, { status, headers: { ...wait, ...problem.headers } });
  });
  return site;
}
