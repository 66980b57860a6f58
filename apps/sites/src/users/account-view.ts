import { html } from "hono/html";
import { type AdminPage, csrfInput } from "../admin/admin-frame.ts";
import type { Editor } from "../admin/editor.ts";
import { textField } from "../admin/field.ts";
import type { Notice } from "../admin/notice.ts";
import { isRole, labelOf, roles } from "./roles.ts";
import { mistakeNotice, newPasswordField } from "./user-fields.ts";

export type AccountMistake = { field: "currentPassword" | "password"; message: string };

export function accountView(
  editor: Editor,
  { mistakes, notice }: { mistakes?: readonly AccountMistake[] | undefined; notice?: Notice | undefined },
): AdminPage {
  const { name, email, role } = editor;
  const mistake = mistakes?.find(({ field }) => field === "currentPassword")?.message;
  return {
    title: "Your account",
    notice: notice ?? mistakeNotice("Not changed yet: something needs to be mended", mistakes),
    main: html`<div class="title-row"><h1>Your account</h1></div>
<dl class="facts"><dt>Name</dt><dd dir="auto">${name}</dd><dt>E-mail address</dt><dd>${email}</dd><dt>Role</dt><dd>${labelOf(role)}${isRole(role) ? html`<span class="hint"> ${roles[role].hint}</span>` : ""}</dd></dl>
<section class="narrow"><h2>Change your password</h2>
<form method="post" action="/admin/account/password" novalidate>${csrfInput(editor)}
<input type="hidden" name="username" value="${email}" autocomplete="username">
${textField({ name: "currentPassword", label: "Present password", type: "password", mistake, attributes: html`required autocomplete="current-password"` })}
${newPasswordField("New password", mistakes)}
<p class="hint">Wherever else you are logged in, you will be logged out.</p>
<div class="actions"><button class="button primary">Change password</button></div>
</form></section>`,
  };
}
