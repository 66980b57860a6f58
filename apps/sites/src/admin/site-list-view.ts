import type { Child } from "@tenantry/sdk";
import { html } from "hono/html";
import type { Html } from "../layout/html.ts";
import type { AdminPage } from "./admin-frame.ts";

export type SiteList = {
  items: readonly Child[];
  /** Leads to those who follow; null at the end. */
  nextCursor: string | null;
  /** Whether others come before these. */
  isLaterPart: boolean;
};

export function siteListView(list: SiteList): AdminPage {
  return {
    title: "Sites below this one",
    section: "sites",
    main: html`<div class="title-row"><div><h1>Sites below this one</h1>
<p class="hint">You see that they are there. To work on one, log in there as one of its own users.</p></div></div>
${list.items.length === 0 ? html`<p>Nothing follows here.</p>` : html`<ul class="page-list">${list.items.map(item)}</ul>`}
${parts(list)}`,
  };
}

function item({ name, status, plan, url }: Child): Html {
  const label = labels[status];
  const isOpen = status === "active" && url !== null;
  return html`<li class="card">
<div class="about"><h2 dir="auto">${isOpen ? html`<a href="${url}">${name}</a>` : name}</h2>
<p class="hint"><span class="address">${url === null ? "No address yet" : addressOf(url)}</span>${plan === null ? "" : html` · Plan: ${plan}`}</p></div>
${label === undefined ? "" : html`<div class="badges"><span class="badge off">${label}</span></div>`}
</li>`;
}

/** What a site is in that can't be visited. */
const labels: Partial<Record<string, string>> = {
  requested: "Being set up",
  provisioning: "Being set up",
  suspended: "Suspended",
  deleting: "Deleted",
  purging: "Deleted",
  failed: "Not working",
};

const addressOf = (url: string): string => new URL(url).host;

function parts({ isLaterPart, nextCursor }: SiteList): Html {
  if (!isLaterPart && nextCursor === null) return html``;
  const step = (label: string, query: string): Html =>
    html`<a class="button" href="/admin/sites${query}">${label}</a>`;
  return html`<nav class="parts" aria-label="Parts of the list">${isLaterPart ? step("From the start", "") : ""}${nextCursor === null ? "" : step("More", `?after=${encodeURIComponent(nextCursor)}`)}</nav>`;
}
