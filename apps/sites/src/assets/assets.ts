import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Hono } from "hono";
import { accentStyle } from "../layout/accent.ts";

type Asset = { path: string; body: string; contentType: string };

export const assetsPath = "/assets/";

// Their addresses change with their content, so browsers may keep them for ever.

/** The style of the public site. */
export const siteStyle = asset("site.css", ["base.css", "frame.css", "site.css", "prose.css"], [accentStyle]);
/** The style of the editor. */
export const adminStyle = asset("admin.css", [
  "base.css",
  "frame.css",
  "prose.css",
  "forms.css",
  "admin.css",
]);
/** What makes the editor more comfortable. Everything works without it. */
export const adminScript = asset("admin.js", ["admin.js"]);

const all = new Map([siteStyle, adminStyle, adminScript].map((each) => [each.path, each]));

/** Served without a tenant: they are the same for all. */
export function assetRoutes(): Hono {
  return new Hono().get(`${assetsPath}*`, (context) => {
    const found = all.get(context.req.path);
    if (!found) return context.notFound();
    return context.body(found.body, 200, {
      "content-type": found.contentType,
      "cache-control": "public, max-age=31536000, immutable",
    });
  });
}

function asset(name: string, files: string[], generated: string[] = []): Asset {
  const read = files.map((file) => readFileSync(new URL(file, import.meta.url), "utf8"));
  const body = [...read, ...generated].join("\n");
  const hash = createHash("sha256").update(body).digest("base64url").slice(0, 12);
  const [stem, extension] = name.split(".");
  const contentType = extension === "css" ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8";
  return { path: `${assetsPath}${stem}.${hash}.${extension}`, body, contentType };
}
