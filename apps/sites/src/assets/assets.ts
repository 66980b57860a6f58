import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Hono } from "hono";

type Asset = { path: string; body: string; contentType: string };

export const assetsPath = "/assets/";

/** The style of the public site. Its address changes with its content, so browsers may keep it for ever. */
export const siteStyle = asset("site.css", ["base.css", "site.css", "prose.css"]);

const all = new Map([siteStyle].map((each) => [each.path, each]));

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

function asset(name: string, files: string[]): Asset {
  const body = files.map((file) => readFileSync(new URL(file, import.meta.url), "utf8")).join("\n");
  const hash = createHash("sha256").update(body).digest("base64url").slice(0, 12);
  const [stem, extension] = name.split(".");
  const contentType = extension === "css" ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8";
  return { path: `${assetsPath}${stem}.${hash}.${extension}`, body, contentType };
}
