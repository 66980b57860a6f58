import type { User } from "@tenantry/sdk";
import { html } from "hono/html";
import { type AdminPage, csrfInput } from "../admin/admin-frame.ts";
import type { Editor } from "../admin/editor.ts";
import type { Notice } from "../admin/notice.ts";
import { dateTime } from "../admin/time.ts";
import type { Html } from "../layout/html.ts";
import { addressMeasures, type Proof } from "./address-view.ts";
import { mistakeNotice, newPasswordField, proofField, userFields } from "./user-fields.ts";
import type { UserMistake, UserText } from "./user-form.ts";
import { unconfirmed } from "./user-list-view.ts";

type Written = {
  text: UserText;
  mistakes?: readonly UserMistake[] | undefined;
  notice?: Notice | undefined;
};

const back = html`<p class="back"><a href="/admin/users">All users</a></p>`;
const notSaved = "Not saved yet: something needs to be mended";

export function newUserView(
  { text, mustProve = false, mistakes, notice }: Written & { mustProve?: boolean },
  editor: Editor | undefined,
): AdminPage {
  return {
    title: "New user",
    section: "users",
    notice: notice ?? mistakeNotice("Not created yet: something needs to be mended", mistakes),
    main: html`${back}<div class="title-row"><h1>New user</h1></div>
<form class="narrow" method="post" action="/admin/users" novalidate>${csrfInput(editor)}
${userFields(text, { mistakes })}
${newPasswordField("Password", mistakes)}
${proofField(mustProve)}
<div class="actions"><button class="button primary">Create user</button><a class="button" href="/admin/users">Cancel</a></div>
</form>`,
  };
}

/** `user` is who they are now, or as much as the form knew of it. */
export type EditedUser = { user: Pick<User, "id" | "email"> & Partial<User>; timezone: string } & Written & {
    /** What the form showed before anybody typed: who changes another field meanwhile isn't overruled. */
    seen: UserText;
    /** What was just made to prove the address with; it can't be shown again. */
    proof?: Proof | undefined;
  };

export function editUserView(edited: EditedUser, editor: Editor | undefined): AdminPage {
  const { user, text, seen, mistakes, notice } = edited;
  const isSelf = user.id === editor?.id;
  const name = user.name ?? user.email;
  return {
    title: `Edit ${name}`,
    section: "users",
    notice: notice ?? mistakeNotice(notSaved, mistakes),
    main: html`<div class="edit-page">${back}
<div class="title-row"><h1><span class="hidden-visually">Edit </span><span dir="auto">${name}</span></h1><div class="badges">${user.emailVerifiedAt === null ? unconfirmed : ""}${user.status ? badge(user.status) : ""}</div></div>
<form method="post" action="/admin/users/${user.id}" novalidate>${csrfInput(editor)}
<input type="hidden" name="seen-name" value="${seen.name}"><input type="hidden" name="seen-email" value="${seen.email}"><input type="hidden" name="seen-role" value="${seen.role ?? ""}">
${userFields(text, { mistakes: mistakes?.filter(({ field }) => field !== "password"), isSelf })}
<div class="actions"><button class="button primary">Save changes</button></div>
</form>
<aside class="beside">${user.createdAt === undefined ? "" : history(user.createdAt, edited)}${beside(edited, editor)}</aside></div>`,
  };
}

function badge(status: User["status"]): Html {
  return status === "active"
    ? html`<span class="badge live">Active</span>`
    : html`<span class="badge off">Deactivated</span>`;
}

function history(createdAt: string, { user, timezone }: EditedUser): Html {
  const seen = user.lastLoginAt
    ? html`Last logged in ${dateTime(new Date(user.lastLoginAt), timezone)}.`
    : "Never logged in.";
  return html`<p class="hint">${seen} Created ${dateTime(new Date(createdAt), timezone)}.</p>`;
}

function beside(edited: EditedUser, editor: Editor | undefined): Html {
  if (!editor) return html``;
  return edited.user.id === editor.id ? ownAccount() : measures(edited, editor);
}

function ownAccount(): Html {
  return html`<section><h2>This is you</h2><p class="hint">Another admin can deactivate or delete you; you can’t, so that nobody locks themself out.</p>
<p><a href="/admin/account">Change your password</a></p></section>`;
}

/** What an admin does to somebody's log-in, each a form of its own. */
function measures(edited: EditedUser, editor: Editor): Html {
  const { user, mistakes = [] } = edited;
  const form = (action: string, content: Html): Html =>
    html`<form method="post" action="/admin/users/${user.id}/${action}" novalidate>${csrfInput(editor)}${content}</form>`;
  const active = user.status !== "deactivated";
  return html`${addressMeasures(edited, editor)}
<section><h2>Password</h2><p class="hint">For somebody who forgot theirs. It logs them out everywhere.</p>${form("password", html`${newPasswordField("New password", mistakes)}<button class="button">Set the password</button>`)}</section>
<section><h2>Log-in</h2>${
    active
      ? html`<p class="hint">Logs them out of every browser. They can log in again.</p>${form("sessions", html`<button class="button">Log out everywhere</button>`)}
<p class="hint">Or shuts them out until somebody activates them again. What they wrote stays.</p>${form("deactivate", html`<button class="button">Deactivate</button>`)}`
      : html`<p class="hint">They can’t log in.</p>${form("activate", html`<button class="button">Activate</button>`)}`
  }</section>
<p><a class="danger" href="/admin/users/${user.id}/delete">Delete this user…</a></p>`;
}
