import { html } from "hono/html";
import type { Html } from "../layout/html.ts";
import { type Identity, language, type SitePage } from "../layout/site-frame.ts";
import { tileArt } from "../layout/tile-art.ts";

/** The home page of a site that has none of its own yet. */
export function welcomePage({ name, tenantId, speech }: Identity): SitePage {
  const { words, frameLanguage } = speech;
  const main: Html = html`<div class="frame welcome">
${tileArt(tenantId)}
<div ${language(frameLanguage)}>
<p class="eyebrow">${words.welcomeEyebrow}</p>
<h1>${name}</h1>
<p class="lede">${words.welcomeText(name)}</p>
<a class="button primary" href="/admin" rel="nofollow">${words.welcomeAction}</a>
</div>
</div>`;
  return { title: name, description: words.welcomeText(name), path: "/", main };
}
