import type { User } from "@tenantry/sdk";
import { html } from "hono/html";
import type { AdminPage } from "../admin/admin-frame.ts";
import type { Editor } from "../admin/editor.ts";
import { dateTime } from "../admin/time.ts";
import type { Html } from "../layout/html.ts";
import { labelOf } from "./roles.ts";

export type UserList = {
  users: readonly User[];
  search: string;
  /** How many there may be. */
  limit: number;
  /** Whether others come before these. */
  isLaterPart: boolean;
  /** Leads to those who follow; null at the end. */
  nextCursor: string | null;
  timezone: string;
};

export function userListView(list: UserList, editor: Editor): AdminPage {
  const { users, search, limit } = list;
  const total = search === "" && !list.isLaterPart && list.nextCursor === null ? users.length : undefined;
  const places = `${limit} ${limit === 1 ? "user" : "users"}`;
  const isFull = total !== undefined && total >= limit;
  return {
    title: search === "" ? "Users" : `Users with “${search}”`,
    section: "users",
    main: html`<div class="title-row"><div><h1>Users</h1><p class="hint">${total === undefined ? `Up to ${places}` : `${total} of ${places}`}</p></div>
${isFull ? "" : html`<a class="button primary" href="/admin/users/new">New user</a>`}</div>
${isFull ? html`<p class="notice">All ${places} that this site may have are there. To make room, delete one who isn’t needed any more, or ask whoever runs this service for more.</p>` : ""}
${total !== undefined && total < 2 ? "" : searchForm(search)}
${users.length === 0 ? nobody(search) : html`<ul class="page-list">${users.map((user) => item(user, list, editor))}</ul>`}
${parts(list)}`,
  };
}

function searchForm(search: string): Html {
  return html`<form class="search" role="search" action="/admin/users"><label class="hidden-visually" for="search">Part of a name or an e-mail address</label>
<input id="search" type="search" name="search" value="${search}" maxlength="200" placeholder="Name or e-mail address" autocomplete="off" autocapitalize="none" spellcheck="false"><button class="button">Search</button>
${search === "" ? "" : html`<a class="button" href="/admin/users">Show all</a>`}</form>`;
}

function nobody(search: string): Html {
  return search === ""
    ? html`<p>Nobody follows here.</p>`
    : html`<p role="status">Nobody’s name or e-mail address contains “${search}”.</p>`;
}

function item(user: User, { timezone }: UserList, editor: Editor): Html {
  const { id, name, email, role, status, emailVerifiedAt, lastLoginAt } = user;
  const seen =
    lastLoginAt === null
      ? "never logged in"
      : html`last logged in ${dateTime(new Date(lastLoginAt), timezone)}`;
  return html`<li class="card" id="${id}">
<div class="about"><h2><a href="/admin/users/${id}" dir="auto">${name ?? email}</a>${id === editor.id ? html` <span class="you">(you)</span>` : ""}</h2>
<p class="hint">${name === null ? "" : html`<span class="address">${email}</span> · `}${seen}</p></div>
<div class="badges"><span class="badge">${labelOf(role)}</span>${emailVerifiedAt === null ? unconfirmed : ""}${status === "active" ? "" : html`<span class="badge off">Deactivated</span>`}</div>
</li>`;
}

/** Whose address is neither proven nor vouched for. */
export const unconfirmed = html`<span class="badge off">Not confirmed</span>`;

function parts({ search, isLaterPart, nextCursor }: UserList): Html {
  if (!isLaterPart && nextCursor === null) return html``;
  const step = (label: string, query: Record<string, string>): Html => {
    const given = { ...(search !== "" && { search }), ...query };
    const text = new URLSearchParams(given).toString();
    return html`<a class="button" href="/admin/users${text === "" ? "" : `?${text}`}">${label}</a>`;
  };
  return html`<nav class="parts" aria-label="Parts of the list">${isLaterPart ? step("From the start", {}) : ""}${nextCursor === null ? "" : step("More", { after: nextCursor })}</nav>`;
}
