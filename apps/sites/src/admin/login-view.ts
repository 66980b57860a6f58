import { html } from "hono/html";
import type { Identity } from "../layout/site-frame.ts";
import type { AdminPage } from "./admin-frame.ts";
import { textField } from "./field.ts";
import type { Notice } from "./notice.ts";

export function loginView(
  { name }: Identity,
  form: { email: string; next: string },
  notice: Notice | undefined,
): AdminPage {
  return {
    title: "Log in",
    main: html`<div class="login">
<h1>Log in</h1>
<p class="lede">To write and change the pages of ${name}.</p>
${notice ? html`<div class="notice ${notice.tone}" role="${notice.tone === "bad" ? "alert" : "status"}"><p><strong>${notice.title}</strong></p><p>${notice.text}</p></div>` : ""}
<form method="post" action="/admin/login" class="card">
<input type="hidden" name="next" value="${form.next}">
${textField({
  name: "email",
  label: "E-mail address",
  type: "email",
  value: form.email,
  attributes: html`autocomplete="username" autocapitalize="none" spellcheck="false" required ${form.email === "" ? html`autofocus` : ""}`,
})}
${textField({
  name: "password",
  label: "Password",
  type: "password",
  attributes: html`autocomplete="current-password" required ${form.email === "" ? "" : html`autofocus`}`,
})}
<button class="button primary wide">Log in</button>
</form>
<p class="aside"><a href="/">Back to the site</a></p>
</div>`,
  };
}
