import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Hono } from "hono";
import { accentStyle } from "../layout/accent.ts";

type Asset = { path: string; body: string; contentType: string };

export const assetsPath = "/assets/";

// Their addresses change with their content, so browsers may keep them for ever.

/** The style of the public site. */
export const siteStyle = asset("site.css", ["base.css", "frame.css", "site.css", "prose.css"]);
/** The style of the editor. */
export const adminStyle = asset("admin.css", [
  "base.css",
  "frame.css",
  "prose.css",
  "forms.css",
  "admin.css",
  "media.css",
  "users.css",
]);
/** What makes the editor more comfortable. Everything works without it. */
export const adminScript = asset("admin.js", ["admin.js"]);

const all = [siteStyle, adminStyle, adminScript];
const forEver = "public, max-age=31536000, immutable";

/** Served without a tenant: they are the same for all. */
export function assetRoutes(): Hono {
  return new Hono().get(`${assetsPath}*`, (context) => {
    const { path } = context.req;
    const found =
      all.find((each) => each.path === path) ?? all.find((each) => nameOf(each.path) === nameOf(path));
    if (!found) return context.text("There is nothing here.\n", 404);
    // While a new version takes over, pages of the old one may ask for what they knew.
    const cacheControl = found.path === path ? forEver : "no-cache";
    return context.body(found.body, 200, {
      "content-type": found.contentType,
      "cache-control": cacheControl,
    });
  });
}

/** `/assets/site.css`, without what changes with the content. */
function nameOf(path: string): string {
  return path.replace(/\.[\w-]{12}(?=\.\w+$)/, "");
}

function asset(name: string, files: string[]): Asset {
  const [stem, extension] = name.split(".");
  const parts = files.map((file) => readFileSync(new URL(file, import.meta.url), "utf8"));
  if (extension === "css") parts.push(accentStyle);
  const body = parts.join("\n");
  const hash = createHash("sha256").update(body).digest("base64url").slice(0, 12);
  const contentType = extension === "css" ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8";
  return { path: `${assetsPath}${stem}.${hash}.${extension}`, body, contentType };
}
