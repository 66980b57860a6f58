import { html } from "hono/html";
import type { Html } from "../layout/html.ts";
import { pathOfPage } from "../pages/page.ts";
import type { PageRow } from "../pages/pages.sql.ts";
import { type AdminPage, csrfInput } from "./admin-frame.ts";
import type { Editor } from "./editor.ts";
import { dateTime } from "./time.ts";

export type PageList = {
  rows: readonly PageRow[];
  total: number;
  limit: number;
  homeSlug: string;
  hasHome: boolean;
  timezone: string;
  language: string;
  /** Which part of a long list this is, counted from 1. */
  part: number;
  partSize: number;
};

export function pageListView(list: PageList, editor: Editor): AdminPage {
  const count = `${list.total} of ${list.limit} ${list.limit === 1 ? "page" : "pages"}`;
  const add = editor.mayEdit
    ? html`<a class="button primary" href="/admin/pages/new">New page</a>`
    : html`<p class="hint">You may look at everything here. To change something, ask for the role of an editor.</p>`;
  return {
    title: "Pages",
    section: "pages",
    main: html`<div class="title-row"><div><h1>Pages</h1><p class="hint">${count}, in the order of the navigation</p></div>${add}</div>
${list.hasHome ? "" : homeHint(list.homeSlug, editor)}
${list.total === 0 ? "" : html`<ol class="page-list" start="${String((list.part - 1) * list.partSize + 1)}">${list.rows.map((row, index) => item(row, index, list, editor))}</ol>`}
${parts(list)}`,
  };
}

function homeHint(homeSlug: string, editor: Editor): Html {
  return html`<section class="empty"><h2>No home page yet</h2>
<p>Visitors see a welcome page, until a page with the address “${homeSlug}” is published.</p>
${editor.mayEdit ? html`<a class="button" href="/admin/pages/new?slug=${encodeURIComponent(homeSlug)}">Write the home page</a>` : ""}</section>`;
}

function item(row: PageRow, index: number, list: PageList, editor: Editor): Html {
  const place = (list.part - 1) * list.partSize + index;
  const path = pathOfPage(row.slug, list.homeSlug);
  return html`<li class="card" id="page-${row.id}">
${editor.mayEdit ? mover(row, { first: place === 0, last: place === list.total - 1 }, editor) : ""}
<div class="about"><h2><a href="/admin/pages/${row.id}" lang="${list.language}" dir="auto">${row.title}</a></h2>
<p class="hint"><span class="path">${decodeURIComponent(path)}</span> · ${dateTime(row.updatedAt, list.timezone)} by ${row.updatedBy}</p></div>
<span class="badge ${row.published ? "live" : ""}">${row.published ? "Published" : "Draft"}</span>
</li>`;
}

function mover({ id, title }: PageRow, at: { first: boolean; last: boolean }, editor: Editor): Html {
  const arrow = (direction: "up" | "down", disabled: boolean): Html =>
    html`<button class="button icon" name="direction" value="${direction}" aria-label="Move “${title}” ${direction}" ${disabled ? html`disabled` : ""}><span aria-hidden="true">${direction === "up" ? "↑" : "↓"}</span></button>`;
  return html`<form class="mover" method="post" action="/admin/pages/${id}/move">${csrfInput(editor)}${arrow("up", at.first)}${arrow("down", at.last)}</form>`;
}

function parts({ total, part, partSize }: PageList): Html {
  const last = Math.ceil(total / partSize);
  if (last <= 1) return html``;
  const step = (to: number, label: string): Html =>
    to >= 1 && to <= last
      ? html`<a class="button" href="/admin/pages?part=${String(to)}">${label}</a>`
      : html``;
  return html`<nav class="parts" aria-label="Parts of the list">${step(part - 1, "Before")}<span>Part ${String(part)} of ${String(last)}</span>${step(part + 1, "After")}</nav>`;
}
