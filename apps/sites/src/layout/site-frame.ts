import { html } from "hono/html";
import { siteStyle } from "../assets/assets.ts";
import { type Accent, initialOf } from "./accent.ts";
import type { Html } from "./html.ts";
import type { Speech } from "./words.ts";

export type Link = { href: string; label: string };

/** Whose site it is, and how it shows itself. */
export type Identity = {
  name: string;
  tenantId: string;
  accent: Accent;
  speech: Speech;
  /** `https://acme.example.com`, without a slash at its end; the site's primary name. */
  origin: string;
  /** Whether search engines may list it. */
  listed: boolean;
};

export type SitePage = {
  title: string;
  description?: string;
  /** The page's path on this site; none for pages that have no lasting address. */
  path?: string;
  /** Shown to those who share the page. */
  kind?: "website" | "article";
  main: Html;
};

const linksInSight = 6;

/** The whole document of a public page. */
export function siteFrame(identity: Identity, navigation: readonly Link[], page: SitePage): Html {
  const { speech, name, accent } = identity;
  const { words, frameLanguage } = speech;
  return html`<!doctype html>
<html lang="${speech.language}" dir="${speech.direction}" data-accent="${accent}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.title === name ? name : `${page.title} – ${name}`}</title>
${metaTags(identity, page)}
<link rel="stylesheet" href="${siteStyle.path}">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
</head>
<body>
<a class="skip" href="#content" ${language(frameLanguage)}>${words.skip}</a>
<header class="masthead"><div class="frame">
<a class="brand" href="/"><span class="mark" aria-hidden="true">${initialOf(name)}</span><span>${name}</span></a>
${siteNavigation(speech, navigation, page.path)}
</div></header>
<main id="content" tabindex="-1">${page.main}</main>
<footer class="site-footer"><div class="frame">
<p>© ${String(new Date().getFullYear())} ${name}</p>
<p><a href="/admin" rel="nofollow" ${language(frameLanguage)}>${words.logIn}</a></p>
</div></footer>
</body>
</html>`;
}

/** For words whose language isn't the document's. */
export function language(code: string | undefined): Html {
  return code === undefined ? html`` : html`lang="${code}" dir="ltr"`;
}

function metaTags({ name, origin, listed }: Identity, page: SitePage): Html {
  const address = page.path === undefined ? undefined : origin + page.path;
  return html`${listed && address !== undefined ? "" : html`<meta name="robots" content="noindex">`}
<meta property="og:site_name" content="${name}">
<meta property="og:title" content="${page.title}">
<meta property="og:type" content="${page.kind ?? "website"}">
${page.description ? html`<meta name="description" content="${page.description}"><meta property="og:description" content="${page.description}">` : ""}
${address === undefined ? "" : html`<link rel="canonical" href="${address}"><meta property="og:url" content="${address}">`}`;
}

function siteNavigation(speech: Speech, links: readonly Link[], path: string | undefined): Html {
  if (links.length === 0) return html``;
  const { words, frameLanguage } = speech;
  const rest = links.slice(linksInSight);
  const item = ({ href, label }: Link): Html =>
    html`<li><a href="${href}" ${href === path ? html`aria-current="page"` : ""}>${label}</a></li>`;
  const more = html`<li><details><summary ${language(frameLanguage)}>${words.more}</summary><ul>${rest.map(item)}</ul></details></li>`;
  return html`<nav class="site-nav" aria-label="${words.navigation}"><ul>${links.slice(0, linksInSight).map(item)}${rest.length > 0 ? more : ""}</ul></nav>`;
}
