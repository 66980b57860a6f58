import type { Tenantry } from "@tenantry/sdk";
import { Hono } from "hono";
import { html } from "hono/html";
import { identityOf } from "../identity.ts";
import { hueOf, initialOf } from "../layout/accent.ts";
import { homeSlugOf } from "./home-slug.ts";
import { pathOfPage } from "./page.ts";
import { selectSitemap } from "./public-pages.sql.ts";

const anHour = "public, max-age=3600";

/** What programs ask a site for: robots.txt, the sitemap, the icon. */
export function listingRoutes(tenantry: Tenantry): Hono {
  const routes = new Hono();

  routes.get("/robots.txt", (context) => {
    const { origin, listed } = identityOf(tenantry, context.req.raw);
    const rules = listed ? `Disallow: /admin\n\nSitemap: ${origin}/sitemap.xml` : "Disallow: /";
    return context.text(`User-agent: *\n${rules}\n`, 200, { "cache-control": anHour });
  });

  routes.get("/sitemap.xml", async (context) => {
    const { origin } = identityOf(tenantry, context.req.raw);
    const homeSlug = homeSlugOf(tenantry);
    const pages = await selectSitemap(tenantry.db);
    const entries = pages.map(
      ({ slug, updatedAt }) =>
        html`<url><loc>${origin}${pathOfPage(slug, homeSlug)}</loc><lastmod>${updatedAt.toISOString()}</lastmod></url>\n`,
    );
    const home = pages.some(({ slug }) => slug === homeSlug) ? "" : html`<url><loc>${origin}/</loc></url>\n`;
    const body = await html`<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
${home}${entries}</urlset>
`;
    return context.body(body.toString(), 200, {
      "content-type": "application/xml; charset=utf-8",
      "cache-control": "no-cache",
    });
  });

  routes.on("GET", ["/favicon.svg", "/favicon.ico"], async (context) => {
    const { name, accent } = identityOf(tenantry, context.req.raw);
    const icon =
      await html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="16" fill="oklch(45% 0.135 ${String(hueOf(accent))})"/><text x="32" y="45" font-family="system-ui, sans-serif" font-size="36" font-weight="700" text-anchor="middle" fill="#fff">${initialOf(name)}</text></svg>`;
    return context.body(icon.toString(), 200, { "content-type": "image/svg+xml", "cache-control": anHour });
  });
  return routes;
}
