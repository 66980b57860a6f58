import type { Tenantry } from "@tenantry/sdk";
import { identityOf } from "../identity.ts";
import { type AdminPage, adminFrame } from "./admin-frame.ts";
import type { AdminContext, Editor } from "./editor.ts";
import { noticeAfter } from "./notice.ts";

type Status = 200 | 401 | 403 | 404 | 409 | 413 | 422 | 429 | 507;

/** Answers with a page of the editor's, and with what the change before it has to say. */
export function showAdmin(
  tenantry: Tenantry,
  context: AdminContext,
  page: AdminPage,
  status: Status = 200,
): Response | Promise<Response> {
  const notice = page.notice ?? noticeAfter(context.req.query("done"));
  const identity = identityOf(tenantry, context.req.raw);
  return context.html(adminFrame(identity, context.var.editor, { ...page, notice }), status);
}

/** The editor, in handlers that stand behind `mustBeLoggedIn`. */
export function editorOf(context: AdminContext): Editor {
  const { editor } = context.var;
  if (!editor) throw new Error("This handler runs for people who are logged in only.");
  return editor;
}
