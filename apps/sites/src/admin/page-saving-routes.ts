import type { Tenantry } from "@tenantry/sdk";
import { Hono } from "hono";
import { raw } from "hono/html";
import { identityOf } from "../identity.ts";
import { selectMedia } from "../media/media.sql.ts";
import { snippetOf } from "../media/media.ts";
import { homeSlugOf } from "../pages/home-slug.ts";
import { readPageForm } from "../pages/page-form.ts";
import { createPage, savePage } from "../pages/pages.ts";
import { type Rendering, renderText } from "../pages/rendered-page.ts";
import { isUuid, uuidPattern } from "../uuid.ts";
import type { AdminContext, AdminEnv } from "./editor.ts";
import { readForm, seenVersion } from "./form.ts";
import { type PageForm, pageFormView } from "./page-form-view.ts";
import { refusedForm } from "./refused-form.ts";
import { showAdmin } from "./shown.ts";

/** As many of the newest files can be put into the text with one click. */
const recentFiles = 8;

type Written = Pick<PageForm, "page" | "text" | "mistakes" | "notice" | "preview" | "theirs">;

/** Saving and previewing what was written. Whatever comes of it, the editor gets the text back. */
export function pageSavingRoutes(rendering: Rendering): Hono<AdminEnv> {
  const { tenantry } = rendering;
  const routes = new Hono<AdminEnv>();

  routes.post("/preview", async (context) => {
    const form = await readForm(context);
    const { text } = readPageForm(form);
    const page = pageSeen(form);
    if (!context.var.editor) return showPageForm(tenantry, context, { page, text, notice: loggedOut }, 401);
    const { markup: preview, isFormatted } = await renderText(rendering, text.body);
    // The editor's script asks for the text alone.
    if (context.req.header("accept") === "text/x-fragment") return context.html(raw(preview));
    return showPageForm(tenantry, context, {
      page,
      text,
      preview,
      notice: isFormatted ? undefined : tooIntricate,
    });
  });

  routes.post("/", (context) => save(tenantry, context, undefined));
  routes.post(`/:id{${uuidPattern}}`, (context) => save(tenantry, context, context.req.param("id")));
  return routes;
}

async function save(tenantry: Tenantry, context: AdminContext, id: string | undefined): Promise<Response> {
  const form = await readForm(context);
  const { text, mistakes } = readPageForm(form);
  const page = id === undefined ? undefined : pageSeen({ ...form, id });
  const { editor } = context.var;
  if (!editor) return showPageForm(tenantry, context, { page, text, notice: loggedOut }, 401);
  if (mistakes.length > 0) return showPageForm(tenantry, context, { page, text, mistakes }, 422);
  const published = form.intent === "publish" ? true : form.intent === "unpublish" ? false : undefined;
  const by = editor.name;
  const outcome = page
    ? await savePage(tenantry, page, text, { published: published ?? null, by })
    : await createPage(tenantry, text, { published: published ?? false, by });
  if (outcome.kind === "done") {
    return context.redirect(`/admin/pages/${outcome.id}?done=${doneWord(published, page)}`, 303);
  }
  const refused = refusedForm(outcome, { page, text });
  return showPageForm(tenantry, context, refused, refused.mistakes ? 422 : 409);
}

const loggedOut = {
  tone: "bad",
  title: "You were logged out, and nothing was saved yet",
  text: "Your text is still here. Log in again in another tab, come back, and save once more.",
  link: { href: "/admin/login", label: "Log in again", newTab: true },
} as const;

const tooIntricate = {
  tone: "bad",
  title: "This text is too intricate to be formatted",
  text: "Visitors see it as it is written. Nest less deeply, or make several pages of it.",
} as const;

function doneWord(published: boolean | undefined, page: PageForm["page"]): string {
  if (published === undefined) return page ? "saved" : "created";
  if (published) return page?.published ? "saved" : "published";
  return page?.published ? "unpublished" : "created";
}

/** The page as the form says that the editor saw it. */
function pageSeen(form: Record<string, string>): PageForm["page"] {
  const { id = "", version, published } = form;
  if (!isUuid(id)) return undefined;
  return { id, version: seenVersion(version), published: published === "true" };
}

/** The form, with everything around it that depends on the site alone. */
export async function showPageForm(
  tenantry: Tenantry,
  context: AdminContext,
  written: Written,
  status: 200 | 401 | 409 | 422 = 200,
): Promise<Response> {
  const { timezone, language } = tenantry.current();
  const { origin } = identityOf(tenantry, context.req.raw);
  const site = {
    homeSlug: homeSlugOf(tenantry),
    host: origin.replace(/^https?:\/\//, ""),
    timezone,
    language,
    media: context.var.editor ? await newestMedia(tenantry) : [],
  };
  return showAdmin(tenantry, context, pageFormView({ ...site, ...written }, context.var.editor), status);
}

async function newestMedia(tenantry: Tenantry): Promise<{ name: string; snippet: string }[]> {
  const files = await selectMedia(tenantry.db, { limit: recentFiles, offset: 0 });
  return files.map((file) => ({ name: file.name, snippet: snippetOf(file) }));
}
