import { html } from "hono/html";
import type { AdminPage } from "../admin/admin-frame.ts";
import type { Html } from "../layout/html.ts";
import type { Identity } from "../layout/site-frame.ts";

export type Verifying =
  | { state: "asked"; token: string; isAway?: boolean }
  | { state: "refused" }
  | { state: "incomplete" };

/** The page behind a link that proves an e-mail address. */
export function verifyView(identity: Identity, verifying: Verifying): AdminPage {
  const { title, content } = viewOf(identity, verifying);
  return {
    title,
    main: html`<div class="login"><h1>${title}</h1>${content}<p class="aside"><a href="/">Back to the site</a></p></div>`,
  };
}

function viewOf({ name }: Identity, verifying: Verifying): { title: string; content: Html } {
  if (verifying.state === "asked") return { title: "Confirm your address", content: asked(name, verifying) };
  if (verifying.state === "incomplete") {
    return {
      title: "This link isn’t complete",
      content: html`<p class="lede">A part of it is missing. Open it again from the mail, or copy all of it: programs sometimes break long links in two.</p>`,
    };
  }
  return {
    title: "This link isn’t good any more",
    content: html`<p class="lede">A link is good for 24 hours, and only the newest one is.</p>
<p>Ask an admin of this site for another one. If you have confirmed your address already, just log in.</p>
<p><a class="button primary wide" href="/admin/login">Log in</a></p>`,
  };
}

function asked(name: string, { token, isAway = false }: { token: string; isAway?: boolean }): Html {
  const away = html`<div class="notice bad" role="alert"><p><strong>This didn’t work just now</strong></p><p>Please press the button again in a minute. Your link stays good.</p></div>`;
  return html`<p class="lede">To log in at ${name} with your e-mail address.</p>${isAway ? away : ""}
<form method="post" action="/verify-email" class="card">
<p>Press the button if it was you who asked for this. If it wasn’t, close this page, and nothing happens.</p>
<input type="hidden" name="token" value="${token}">
<button class="button primary wide">Confirm my address</button>
</form>`;
}
