import type { MiddlewareHandler } from "hono";
import { html } from "hono/html";
import { siteStyle } from "./assets/assets.ts";
import type { Html } from "./layout/html.ts";

/**
 * Where the SDK refuses a request (suspended, database away, and so on) it answers programs. People get a page that says
 * the same.
 */
export function refusePeopleKindly(): MiddlewareHandler {
  return async (context, next) => {
    await next();
    const { status, headers } = context.res;
    if (!headers.get("content-type")?.startsWith("application/problem+json")) return;
    if (!context.req.header("accept")?.includes("text/html")) return;
    const kept = Object.fromEntries(
      [...headers].filter(([name]) => name === "retry-after" || name === "cache-control"),
    );
    const page = await refusalPage(status);
    context.res = undefined;
    context.res = new Response(page.toString(), {
      status,
      headers: { ...kept, "content-type": "text/html; charset=UTF-8" },
    });
  };
}

/** A page that needs no tenant: what is wrong may be just that there is none. */
export function refusalPage(status: number): Html {
  const [title, text] =
    status === 503
      ? ["This site takes a short break", "It can’t be shown at the moment. Please try again in a minute."]
      : status === 500
        ? ["Something broke on our side", "Please try again in a moment."]
        : ["This can’t be shown", "The address leads to no site."];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="stylesheet" href="${siteStyle.path}">
</head>
<body><main class="page"><h1>${title}</h1><p class="lede">${text}</p></main></body>
</html>`;
}
