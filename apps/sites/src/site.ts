import type { Tenantry } from "@tenantry/sdk";
import { tenantMiddleware } from "@tenantry/sdk/hono";
import { Hono } from "hono";
import { assetRoutes, assetsPath } from "./assets/assets.ts";
import { identityOf } from "./identity.ts";
import { siteFrame } from "./layout/site-frame.ts";
import type { SiteLog } from "./log.ts";
import { brokenPage } from "./pages/not-found.ts";
import { publicRoutes, showNotFound } from "./pages/public-routes.ts";
import { securityHeaders } from "./security-headers.ts";

/** The whole application, as one function from request to response. */
export function createSite({
  tenantry,
  log,
  isReady,
}: {
  tenantry: Tenantry;
  log: SiteLog;
  isReady: () => boolean;
}): Hono {
  const site = new Hono();
  site.get("/health", (context) =>
    isReady() ? context.text("ok\n") : context.text("waiting for Tenantry\n", 503, { "retry-after": "1" }),
  );
  site.use(securityHeaders());
  site.route("/", assetRoutes());
  site.use(tenantMiddleware(tenantry, { skip: (path) => path.startsWith(assetsPath) }));
  site.route("/", publicRoutes(tenantry));
  site.notFound((context) => showNotFound(context, tenantry));
  site.onError((error, context) => {
    log.error(
      { method: context.req.method, path: context.req.path, error: error.stack ?? String(error) },
      "request.failed",
    );
    return context.html(
      siteFrame(identityOf(tenantry, context.req.raw), [], brokenPage(identityOf(tenantry, context.req.raw))),
      500,
    );
  });
  return site;
}
