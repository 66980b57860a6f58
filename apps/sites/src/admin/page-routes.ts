import type { Tenantry } from "@tenantry/sdk";
import { Hono } from "hono";
import { maxPages } from "../limits.ts";
import { homeSlugOf } from "../pages/home-slug.ts";
import { pathOfPage } from "../pages/page.ts";
import { countPages, hasSlug, selectPage, selectPages } from "../pages/pages.sql.ts";
import { movePage, removePage } from "../pages/pages.ts";
import type { Rendering } from "../pages/rendered-page.ts";
import { uuidPattern } from "../uuid.ts";
import { deleteView } from "./delete-view.ts";
import type { AdminContext, AdminEnv } from "./editor.ts";
import { readForm, seenVersion } from "./form.ts";
import { pageListView } from "./page-list-view.ts";
import { pageSavingRoutes, showPageForm } from "./page-saving-routes.ts";
import { showNothingHere } from "./refusals.ts";
import { editorOf, showAdmin } from "./shown.ts";

const partSize = 100;

/** The list of pages, and what is done to one without writing. */
export function pageRoutes(rendering: Rendering): Hono<AdminEnv> {
  const { tenantry } = rendering;
  const routes = new Hono<AdminEnv>();
  const id = (context: AdminContext): string => context.req.param("id") ?? "";

  routes.get("/", async (context) => showList(tenantry, context));

  routes.get("/new", (context) => {
    const slug = (context.req.query("slug") ?? "").slice(0, 80);
    return showPageForm(tenantry, context, { text: { slug, title: "", description: "", body: "" } });
  });

  // Before the routes of one page: "preview" is no id.
  routes.route("/", pageSavingRoutes(rendering));

  routes.get(`/:id{${uuidPattern}}`, async (context) => {
    const page = await selectPage(tenantry.db, id(context));
    return page ? showPageForm(tenantry, context, { page, text: page }) : showNothingHere(tenantry, context);
  });

  routes.post(`/:id{${uuidPattern}}/move`, async (context) => {
    if (!context.var.editor) return context.redirect("/admin/login", 303);
    const { direction } = await readForm(context);
    await movePage(tenantry, id(context), direction === "up" ? -1 : 1);
    return context.redirect(`/admin/pages#page-${id(context)}`, 303);
  });

  routes.get(`/:id{${uuidPattern}}/delete`, async (context) => {
    const page = await selectPage(tenantry.db, id(context));
    if (!page) return showNothingHere(tenantry, context);
    const path = decodeURIComponent(pathOfPage(page.slug, homeSlugOf(tenantry)));
    const consequence =
      path === "/"
        ? "Visitors will find the welcome page instead, until there is a new home page."
        : `Visitors won’t find anything at ${path} any more.`;
    const view = deleteView(
      {
        section: "pages",
        what: `“${page.title}”`,
        consequence,
        action: `/admin/pages/${page.id}/delete`,
        back: `/admin/pages/${page.id}`,
        version: page.version,
      },
      editorOf(context),
    );
    return showAdmin(tenantry, context, view);
  });

  routes.post(`/:id{${uuidPattern}}/delete`, async (context) => {
    if (!context.var.editor) return context.redirect("/admin/login", 303);
    const { version } = await readForm(context);
    const outcome = await removePage(tenantry, { id: id(context), version: seenVersion(version) });
    if (outcome.kind !== "changed") return context.redirect("/admin/pages?done=deleted", 303);
    const text = `${outcome.now.updatedBy} changed this page after you opened it. Look at it before you delete it.`;
    return showPageForm(
      tenantry,
      context,
      { page: outcome.now, text: outcome.now, notice: { tone: "bad", title: "Not deleted", text } },
      409,
    );
  });
  return routes;
}

async function showList(tenantry: Tenantry, context: AdminContext): Promise<Response> {
  const homeSlug = homeSlugOf(tenantry);
  const total = await countPages(tenantry.db);
  const asked = Number(context.req.query("part") ?? 1);
  const last = Math.max(1, Math.ceil(total / partSize));
  const part = Number.isInteger(asked) ? Math.min(Math.max(asked, 1), last) : 1;
  const rows = await selectPages(tenantry.db, { limit: partSize, offset: (part - 1) * partSize });
  const { timezone, language, settings } = tenantry.current();
  const view = pageListView(
    {
      ...{ rows, total, limit: maxPages(settings), homeSlug, timezone, language, part, partSize },
      hasHome: await hasSlug(tenantry.db, homeSlug),
    },
    editorOf(context),
  );
  return showAdmin(tenantry, context, view);
}
