import { csrfToken } from "@tenantry/sdk";
import { html } from "hono/html";
import { adminScript, adminStyle } from "../assets/assets.ts";
import { initialOf } from "../layout/accent.ts";
import type { Html } from "../layout/html.ts";
import type { Identity } from "../layout/site-frame.ts";
import type { Editor } from "./editor.ts";
import { csrfField } from "./form.ts";
import { type Notice, noticeView } from "./notice.ts";

export type AdminPage = {
  title: string;
  section?: "pages" | "media" | "users" | "sites";
  notice?: Notice | undefined;
  main: Html;
};

/** The whole document of a page of the editor's. It speaks English; the tenant's own text says its language itself. */
export function adminFrame(identity: Identity, editor: Editor | undefined, page: AdminPage): Html {
  const { name, accent } = identity;
  const said = page.notice ? `${page.notice.title} – ` : "";
  return html`<!doctype html>
<html lang="en" data-accent="${accent}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${said}${page.title} – ${name}</title>
<link rel="stylesheet" href="${adminStyle.path}">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<script src="${adminScript.path}" type="module"></script>
</head>
<body>
<a class="skip" href="#content">Skip to content</a>
${header(name, editor, page.section)}
<main id="content" class="frame" tabindex="-1">${page.notice ? noticeView(page.notice) : ""}${page.main}</main>
</body>
</html>`;
}

/** What every form carries. */
export function csrfInput(editor: Editor | undefined): Html {
  if (!editor) return html``;
  return html`<input type="hidden" name="${csrfField}" value="${csrfToken(editor.sessionToken)}">`;
}

function header(name: string, editor: Editor | undefined, section: AdminPage["section"]): Html {
  const tab = (key: string, label: string): Html =>
    html`<li><a href="/admin/${key}" ${key === section ? html`aria-current="page"` : ""}>${label}</a></li>`;
  const mark = html`<span class="mark" aria-hidden="true">${initialOf(name)}</span>`;
  const account = html`<form class="account" method="post" action="/admin/logout">${csrfInput(editor)}
<a class="who" href="/admin/account" title="${editor?.email}"><span class="hidden-visually">Your account: </span>${editor?.name}</a><button class="button small">Log out</button></form>`;
  return html`<header class="admin-head"><div class="frame">
<a class="brand" href="/">${mark}<span>${name}<span class="hidden-visually">: view the site</span></span></a>
${editor ? html`<nav aria-label="Editor"><ul>${tab("pages", "Pages")}${tab("media", "Media")}${editor.isAdmin ? tab("users", "Users") : ""}${editor.seesSites ? tab("sites", "Sites") : ""}</ul></nav>${account}` : ""}
</div></header>`;
}
