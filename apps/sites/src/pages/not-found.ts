import { html } from "hono/html";
import { type Identity, language, type SitePage } from "../layout/site-frame.ts";

export function notFoundPage({ speech: { words, frameLanguage } }: Identity): SitePage {
  return {
    title: words.notFoundTitle,
    main: html`<div class="page" ${language(frameLanguage)}><p class="eyebrow">404</p><h1>${words.notFoundTitle}</h1>
<p class="lede">${words.notFoundText}</p><p><a class="button" href="/">${words.backHome}</a></p></div>`,
  };
}
