import { html, raw } from "hono/html";
import type { SitePage } from "../layout/site-frame.ts";

/** A written page. `rendered` is the sanitised HTML of its text. */
export function pageView(
  page: { title: string; description: string },
  rendered: string,
  path: string,
): SitePage {
  const lede = page.description === "" ? "" : html`<p class="lede">${page.description}</p>`;
  return {
    title: page.title,
    description: page.description,
    path,
    kind: path === "/" ? "website" : "article",
    main: html`<article class="page"><header><h1>${page.title}</h1>${lede}</header><div class="prose">${raw(rendered)}</div></article>`,
  };
}
