import type { Tenantry } from "@tenantry/sdk";
import { type Context, Hono } from "hono";
import { identityOf } from "../identity.ts";
import type { Link, SitePage } from "../layout/site-frame.ts";
import { siteFrame } from "../layout/site-frame.ts";
import { homeSlugOf } from "./home-slug.ts";
import { notFoundPage } from "./not-found.ts";
import { type PageLink, pathOfPage } from "./page.ts";
import { pageView } from "./page-view.ts";
import { type PublishedPage, selectPublished } from "./public-pages.sql.ts";
import { type Rendering, renderedPage } from "./rendered-page.ts";
import { isSlug } from "./slug.ts";
import { welcomePage } from "./welcome.ts";

/** What visitors read: the home page, the pages, and the answer to everything else. */
export function publicRoutes(rendering: Rendering): Hono {
  const { tenantry } = rendering;
  const homeSlug = (): string => homeSlugOf(tenantry);
  const routes = new Hono();

  routes.get("/", async (context) => {
    const { links, page } = await selectPublished(tenantry.db, homeSlug());
    if (!page) return show(context, tenantry, links, welcomePage(identityOf(tenantry, context.req.raw)));
    return showPage(context, rendering, links, page);
  });

  routes.get("/:slug", async (context) => {
    const slug = context.req.param("slug");
    if (!isSlug(slug)) return showNotFound(context, tenantry);
    const { links, page } = await selectPublished(tenantry.db, slug);
    if (!page) return showNotFound(context, tenantry, links);
    if (slug === homeSlug()) return context.redirect("/", 301);
    return showPage(context, rendering, links, page);
  });

  routes.get("/:slug/", (context) =>
    context.redirect(pathOfPage(context.req.param("slug"), homeSlug()), 301),
  );

  routes.get("/pages/:slug", (context) =>
    context.redirect(pathOfPage(context.req.param("slug"), homeSlug()), 301),
  );
  return routes;
}

/** The site's own 404 page. */
export async function showNotFound(
  context: Context,
  tenantry: Tenantry,
  links?: PageLink[],
): Promise<Response> {
  const known = links ?? (await selectPublished(tenantry.db, undefined)).links;
  return show(context, tenantry, known, notFoundPage(identityOf(tenantry, context.req.raw)), 404);
}

async function showPage(
  context: Context,
  rendering: Rendering,
  links: PageLink[],
  page: PublishedPage,
): Promise<Response> {
  const { tenantry } = rendering;
  const path = pathOfPage(page.slug, homeSlugOf(tenantry));
  return show(context, tenantry, links, pageView(page, await renderedPage(rendering, page), path));
}

function show(
  context: Context,
  tenantry: Tenantry,
  links: PageLink[],
  page: SitePage,
  status: 200 | 404 = 200,
): Response | Promise<Response> {
  const homeSlug = homeSlugOf(tenantry);
  const navigation: Link[] = links.map(({ slug, title }) => ({
    href: pathOfPage(slug, homeSlug),
    label: title,
  }));
  context.header("cache-control", "no-cache");
  return context.html(siteFrame(identityOf(tenantry, context.req.raw), navigation, page), status);
}
