import { DataError, isTenantryError, type Tenantry } from "@tenantry/sdk";
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
  site.route("/", mediaRoutes(tenantry));
  site.route("/", listingRoutes(tenantry));
  site.route("/", publicRoutes({ tenantry, renderer }));
  site.notFound((context) => showNotFound(context, tenantry));
  site.onError((error, context) => {
    const { method, path } = context.req;
    const status = statusOf(error);
    const fields = { method, path, status, error: error.stack ?? String(error) };
    if (status === 503) log.warn(fields, "request.unavailable");
    else log.error(fields, "request.failed");
    if (status === 503) context.header("retry-after", "2");
    return context.html(refusalPage(status), status);
  });
  return site;
}

/** What is busy or away comes back; everything else is a mistake of ours. */
function statusOf(error: unknown): 500 | 503 {
  if (isTenantryError(error)) return error.status === 503 ? 503 : 500;
  return error instanceof DataError && (error.code === "busy" || error.code === "unavailable") ? 503 : 500;
}
