import { html } from "hono/html";
import { csrfInput } from "../admin/admin-frame.ts";
import type { Editor } from "../admin/editor.ts";
import { dateTime } from "../admin/time.ts";
import type { Html } from "../layout/html.ts";

/** A link for a user, to be sent by whoever asked for it. */
export type Proof = { link: string; expiresAt: string };

type Unconfirmed = {
  user: { id: string; email: string; emailVerifiedAt?: string | null };
  timezone: string;
  /** What was just made; it can't be shown again. */
  proof?: Proof | undefined;
};

/** What an admin does about an address that is neither proven nor vouched for; nothing where there is nothing to do. */
export function addressMeasures({ user, timezone, proof }: Unconfirmed, editor: Editor): Html {
  if (user.emailVerifiedAt !== null) return html``;
  const form = (action: string, button: string): Html =>
    html`<form method="post" action="/admin/users/${user.id}/${action}">${csrfInput(editor)}<button class="button">${button}</button></form>`;
  return html`<section><h2>E-mail address</h2><p class="hint">They have to confirm that it is theirs before they can log in. Nothing is sent from here: make a link, and mail it to <span class="address">${user.email}</span>.</p>
${proof === undefined ? "" : madeLink(proof, timezone)}
${form("link", proof === undefined ? "Make a link" : "Make another link")}
<p class="hint">Or confirm it for them, if you know that it is theirs.</p>${form("confirm", "Confirm it myself")}</section>`;
}

function madeLink({ link, expiresAt }: Proof, timezone: string): Html {
  return html`<div class="field"><label for="link">Link for them</label>
<p class="hint" id="link-hint">Good until ${dateTime(new Date(expiresAt), timezone)}. It is shown this once; those made before are no good any more.</p>
<input id="link" class="snippet" readonly autofocus value="${link}" aria-describedby="link-hint">
<p class="reveal"><button type="button" class="button small" data-copy="${link}" hidden>Copy<span class="hidden-visually"> the link</span></button></p></div>`;
}
