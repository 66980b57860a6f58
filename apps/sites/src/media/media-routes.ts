import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { ObjectNotFound, type Tenantry } from "@tenantry/sdk";
import { type Context, Hono } from "hono";
import { showNotFound } from "../pages/public-routes.ts";
import { uuidPattern } from "../uuid.ts";
import { isShownInline } from "./content-type.ts";
import { selectMediaFile } from "./media.sql.ts";
import { type MediaFile, pathOfMedia, storageKeyOf } from "./media.ts";
import { wantedRange } from "./range.ts";

/** The files themselves. What stands under an address never changes. */
export function mediaRoutes(tenantry: Tenantry): Hono {
  const routes = new Hono();
  routes.get(`/media/:id{${uuidPattern}}/:name`, async (context) => {
    const file = await selectMediaFile(tenantry.db, context.req.param("id"));
    if (!file) return showNotFound(context, tenantry);
    if (context.req.param("name") !== file.name) return context.redirect(pathOfMedia(file), 301);
    return send(tenantry, context, file);
  });
  return routes;
}

async function send(tenantry: Tenantry, context: Context, file: MediaFile): Promise<Response> {
  const etag = `"${file.id}"`;
  const headers = headersOf(file, etag);
  if (matches(context.req.header("if-none-match"), etag)) return context.body(null, 304, headers);
  const ifRange = context.req.header("if-range");
  const range = wantedRange(
    ifRange === undefined || ifRange === etag ? context.req.header("range") : undefined,
    file.size,
  );
  if (range === "unsatisfiable") {
    return context.body(null, 416, { "content-range": `bytes */${file.size}`, "cache-control": "no-store" });
  }
  const [start, end] = range === "whole" ? [0, file.size - 1] : [range.start, range.end];
  headers["content-length"] = String(end - start + 1);
  if (range !== "whole") headers["content-range"] = `bytes ${start}-${end}/${file.size}`;
  const status = range === "whole" ? 200 : 206;
  if (context.req.method === "HEAD") return context.body(null, status, headers);
  try {
    const { body } = await tenantry.storage.get(storageKeyOf(file.id), range === "whole" ? {} : { range });
    return context.body(Readable.toWeb(body) as ReadableStream as globalThis.ReadableStream, status, headers);
  } catch (error) {
    // It was deleted between our two looks.
    if (error instanceof ObjectNotFound) return showNotFound(context, tenantry);
    throw error;
  }
}

/** Nothing that an uploaded file holds runs, whatever it is and however it is opened. */
const policy = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox";
/** Browsers refuse to show PDF in a sandbox. */
const policyForPdf = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'";

function headersOf(file: MediaFile, etag: string): Record<string, string> {
  const disposition = isShownInline(file.contentType) ? "inline" : "attachment";
  const name = pathOfMedia(file).split("/").at(-1)!;
  return {
    etag,
    "content-type": file.contentType,
    "content-disposition": `${disposition}; filename*=UTF-8''${name}`,
    "content-security-policy": file.contentType === "application/pdf" ? policyForPdf : policy,
    "cache-control": "public, max-age=31536000, immutable",
    "last-modified": file.createdAt.toUTCString(),
    "accept-ranges": "bytes",
  };
}

function matches(header: string | undefined, etag: string): boolean {
  return (header ?? "").split(",").some((each) => ["*", etag, `W/${etag}`].includes(each.trim()));
}
