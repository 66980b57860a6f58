import type { Tenantry } from "@tenantry/sdk";
import { Hono } from "hono";
import { showBytes } from "../limits.ts";
import { FormUnreadable, maxFilesAtOnce, readMultipart } from "../media/multipart.ts";
import { storeUpload, type UploadOutcome } from "../media/uploads.ts";
import type { AdminContext, AdminEnv, Editor } from "./editor.ts";
import { csrfField, isOwnRequest } from "./form.ts";
import { showLibrary } from "./media-routes.ts";
import type { Notice } from "./notice.ts";
import { showForeign, showMayOnlyLook } from "./refusals.ts";

type Result = UploadOutcome | { kind: "foreign" } | { kind: "too-many-files" };

/**
 * Takes uploads. It stands before what reads forms as a whole: a file passes through in pieces, and who sent it is
 * looked at before the first piece is stored.
 */
export function uploadRoutes(tenantry: Tenantry): Hono<AdminEnv> {
  const routes = new Hono<AdminEnv>();
  routes.post("/media", async (context) => {
    const { editor } = context.var;
    if (!editor) return context.redirect("/admin/login?next=/admin/media", 303);
    if (!editor.mayEdit) return showMayOnlyLook(tenantry, context);
    const results = await takeFiles(tenantry, context, editor);
    if (results === "unreadable") return showLibrary(tenantry, context, brokenOff, 422);
    if (results.some(({ kind }) => kind === "foreign")) return showForeign(tenantry, context);
    const refused = results.map(sentenceOf).filter((sentence) => sentence !== undefined);
    if (refused.length === 0) return context.redirect("/admin/media?done=uploaded", 303);
    const status = results.some(({ kind }) => kind === "disk-full") ? 507 : 422;
    return showLibrary(tenantry, context, noticeOf(results, refused), status);
  });
  return routes;
}

async function takeFiles(
  tenantry: Tenantry,
  context: AdminContext,
  editor: Editor,
): Promise<Result[] | "unreadable"> {
  const results: Result[] = [];
  const length = Number(context.req.header("content-length"));
  const atMostBytes = Number.isSafeInteger(length) && length > 0 ? length : undefined;
  let token: string | undefined;
  try {
    for await (const part of readMultipart(context.req.raw)) {
      if (part.kind === "field" && part.name === csrfField) token = part.value;
      if (part.kind === "too-many-files") results.push(part);
      if (part.kind !== "file") continue;
      if (!isOwnRequest(context, token)) return [{ kind: "foreign" }];
      const { fileName, stream } = part;
      results.push(await storeUpload(tenantry, { fileName, stream, atMostBytes, by: editor.name }));
    }
  } catch (error) {
    if (error instanceof FormUnreadable) return "unreadable";
    throw error;
  }
  return results.length === 0 ? [{ kind: "empty", name: "" }] : results;
}

const brokenOff: Notice = {
  tone: "bad",
  title: "The upload broke off",
  text: "What had arrived completely by then is kept. Try again with what is missing.",
};

function sentenceOf(result: Result): string | undefined {
  switch (result.kind) {
    case "empty":
      return result.name === "" || result.name === "file"
        ? "Choose a file first."
        : `“${result.name}” is empty.`;
    case "too-large":
      return `“${result.name}” is larger than ${showBytes(result.maxBytes)}. Make it smaller, or ask whoever runs this service for more.`;
    case "full":
      return `There is no room for “${result.name}”: this site may store ${showBytes(result.quotaBytes)}. Delete what isn’t needed any more, or ask whoever runs this service for more.`;
    case "disk-full":
      return `The server has no room for “${result.name}” at the moment, and kept nothing of it. Tell whoever runs this service, and try again later.`;
    case "too-many-files":
      return `Only the first ${maxFilesAtOnce} files were taken. Upload the others after them.`;
    default:
      return undefined;
  }
}

function noticeOf(results: readonly Result[], refused: readonly string[]): Notice {
  const stored = results.filter(({ kind }) => kind === "stored").length;
  return {
    tone: "bad",
    title: stored === 0 ? "Nothing was uploaded" : `${stored} uploaded, but not everything`,
    mistakes: refused.map((message) => ({ field: "files", message })),
  };
}
