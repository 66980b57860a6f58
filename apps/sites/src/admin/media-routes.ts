import type { Tenantry } from "@tenantry/sdk";
import { Hono } from "hono";
import { html } from "hono/html";
import { maxUploadBytes, storageQuotaBytes } from "../limits.ts";
import { selectMedia, selectMediaFile, selectMediaUsage } from "../media/media.sql.ts";
import { removeMedia } from "../media/uploads.ts";
import { uuidPattern } from "../uuid.ts";
import { deleteView } from "./delete-view.ts";
import type { AdminContext, AdminEnv } from "./editor.ts";
import { mediaView, thumbnail } from "./media-view.ts";
import type { Notice } from "./notice.ts";
import { editorOf, showAdmin } from "./shown.ts";

const partSize = 48;

/** The media library. Uploads stand in upload-routes.ts. */
export function mediaLibraryRoutes(tenantry: Tenantry): Hono<AdminEnv> {
  const routes = new Hono<AdminEnv>();
  const id = (context: AdminContext): string => context.req.param("id") ?? "";

  routes.get("/", (context) => showLibrary(tenantry, context));

  routes.get(`/:id{${uuidPattern}}/delete`, async (context) => {
    const file = await selectMediaFile(tenantry.db, id(context));
    if (!file) return context.redirect("/admin/media", 303);
    const view = deleteView(
      {
        section: "media",
        what: `“${file.name}”`,
        consequence: "Pages that show it will show a gap.",
        action: `/admin/media/${file.id}/delete`,
        back: "/admin/media",
        shown: html`<p>${thumbnail(file)}</p>`,
      },
      editorOf(context),
    );
    return showAdmin(tenantry, context, view);
  });

  routes.post(`/:id{${uuidPattern}}/delete`, async (context) => {
    if (!context.var.editor) return context.redirect("/admin/login", 303);
    await removeMedia(tenantry, id(context));
    return context.redirect("/admin/media?done=removed", 303);
  });
  return routes;
}

/** The library as it is now, and what came of an upload before it. */
export async function showLibrary(
  tenantry: Tenantry,
  context: AdminContext,
  notice?: Notice,
  status: 200 | 413 | 422 | 507 = 200,
): Promise<Response> {
  const { bytes, files: count } = await selectMediaUsage(tenantry.db);
  const asked = Number(context.req.query("part") ?? 1);
  const last = Math.max(1, Math.ceil(count / partSize));
  const part = Number.isInteger(asked) ? Math.min(Math.max(asked, 1), last) : 1;
  const { settings, timezone } = tenantry.current();
  const view = mediaView(
    {
      files: await selectMedia(tenantry.db, { limit: partSize, offset: (part - 1) * partSize }),
      ...{ count, usedBytes: bytes, part, partSize, timezone },
      quotaBytes: storageQuotaBytes(settings),
      maxUploadBytes: maxUploadBytes(settings),
    },
    editorOf(context),
    notice,
  );
  return showAdmin(tenantry, context, view, status);
}
