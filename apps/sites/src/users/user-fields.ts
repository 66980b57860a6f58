import { html } from "hono/html";
import { textField } from "../admin/field.ts";
import type { Notice } from "../admin/notice.ts";
import type { Html } from "../layout/html.ts";
import { type Role, roles } from "./roles.ts";
import { shortestPassword, type UserField, type UserMistake, type UserText } from "./user-form.ts";

type Mistakes = readonly { field: string; message: string }[];

const mistakeIn = (mistakes: Mistakes, field: string): string | undefined =>
  mistakes.find((mistake) => mistake.field === field)?.message;

/** Who it is, and what they may do. Nobody changes their own role. */
export function userFields(
  text: UserText,
  { mistakes = [], isSelf = false }: { mistakes?: readonly UserMistake[] | undefined; isSelf?: boolean },
): Html {
  const field = (name: UserField): string | undefined => mistakeIn(mistakes, name);
  return html`${textField({ name: "name", label: "Name", value: text.name, hint: "How the others see who changed something.", mistake: field("name"), attributes: html`dir="auto" maxlength="200" autocomplete="off"` })}
${textField({ name: "email", label: "E-mail address", type: "email", value: text.email, hint: "They log in with it.", mistake: field("email"), attributes: html`required maxlength="254" autocomplete="off" autocapitalize="none" spellcheck="false"` })}
${isSelf ? ownRole(text.role) : roleField(text.role, field("role"))}`;
}

function ownRole(role: Role | undefined): Html {
  return html`<div class="field"><p class="label">Role</p><p class="hint">${role === undefined ? "" : `${roles[role].label}. `}Your own role is changed by another admin, so that the site always has one.</p></div>`;
}

function roleField(chosen: Role | undefined, mistake: string | undefined): Html {
  const choice = ([role, { label, hint }]: [string, { label: string; hint: string }]): Html =>
    html`<div class="choice"><input type="radio" id="role-${role}" name="role" value="${role}" aria-describedby="role-${role}-hint" ${role === chosen ? html`checked` : ""}>
<label for="role-${role}">${label}</label><p class="hint" id="role-${role}-hint">${hint}</p></div>`;
  const wrong = mistake !== undefined;
  return html`<fieldset class="plain choices field ${wrong ? "wrong" : ""}" id="role" tabindex="-1" ${wrong ? html`aria-describedby="role-mistake"` : ""}><legend>Role</legend>
${wrong ? html`<p class="mistake" id="role-mistake">${mistake}</p>` : ""}
${Object.entries(roles).map(choice)}</fieldset>`;
}

/** A password that is yet to be known by heart. */
export function newPasswordField(label: string, mistakes: Mistakes = []): Html {
  return textField({
    name: "password",
    label,
    type: "password",
    hint: `At least ${shortestPassword} characters; four words of one’s own do well.`,
    mistake: mistakeIn(mistakes, "password"),
    attributes: html`required autocomplete="new-password" data-revealable`,
  });
}

/** Whether a new user's admin doesn't know that the address is theirs. */
export function proofField(mustProve: boolean): Html {
  return html`<div class="choice field"><input type="checkbox" id="must-prove" name="must-prove" value="yes" aria-describedby="must-prove-hint" ${mustProve ? html`checked` : ""}>
<label for="must-prove">They must confirm the address first</label><p class="hint" id="must-prove-hint">By a link that you make and send to it. Leave this out if you know that the address is theirs.</p></div>`;
}

/** What a form with mistakes says first, with a way to each of them. */
export function mistakeNotice(title: string, mistakes: Mistakes | undefined): Notice | undefined {
  return mistakes === undefined || mistakes.length === 0 ? undefined : { tone: "bad", title, mistakes };
}
