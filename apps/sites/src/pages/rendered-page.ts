import type { Tenantry } from "@tenantry/sdk";
import { html } from "hono/html";
import { rendererVersion } from "./markdown.ts";
import type { Renderer } from "./renderer.ts";

const keptSeconds = 24 * 3600;
/** It may have been the machine that was too busy, not the text that is too intricate. */
const keptUnformattedSeconds = 60;
/** Larger texts are rare, and would push many others out. */
const largestCached = 200_000;

/** What the routes need to show a text. */
export type Rendering = { tenantry: Tenantry; renderer: Renderer };

/** The HTML of a page's text. A version of a page never changes, so it is rendered once and cached. */
export async function renderedPage(
  rendering: Rendering,
  page: { id: string; version: number; body: string },
): Promise<string> {
  const { cache } = rendering.tenantry;
  const key = `page ${rendererVersion} ${page.id} ${page.version}`;
  const known = await cache.get<string>(key);
  if (known !== undefined) return known;
  const { markup, isFormatted } = await renderText(rendering, page.body);
  const ttlSeconds = isFormatted ? keptSeconds : keptUnformattedSeconds;
  if (markup.length <= largestCached) await cache.set(key, markup, { ttlSeconds });
  return markup;
}

/** The HTML of a text; one that can't be formatted stands there as it was written. */
export async function renderText(
  { tenantry, renderer }: Rendering,
  text: string,
): Promise<{ markup: string; isFormatted: boolean }> {
  const formatted = await renderer.render(tenantry.current().tenant.id, text);
  if (formatted !== undefined) return { markup: formatted, isFormatted: true };
  return { markup: (await html`<p class="as-written">${text}</p>`).toString(), isFormatted: false };
}
