import type { Tenantry } from "@tenantry/sdk";
import { rendererVersion, renderMarkdown } from "./markdown.ts";

const keptSeconds = 24 * 3600;

/** The HTML of a page's text. A version of a page never changes, so it is rendered once and cached. */
export async function renderedPage(
  tenantry: Tenantry,
  page: { id: string; version: number; body: string },
): Promise<string> {
  const key = `page ${rendererVersion} ${page.id} ${page.version}`;
  const known = await tenantry.cache.get<string>(key);
  if (known !== undefined) return known;
  const rendered = renderMarkdown(page.body);
  if (rendered.length <= largestCached) await tenantry.cache.set(key, rendered, { ttlSeconds: keptSeconds });
  return rendered;
}

/** Larger texts are rare, and would push many others out. */
const largestCached = 200_000;
