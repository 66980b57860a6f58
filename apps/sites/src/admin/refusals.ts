import type { Tenantry } from "@tenantry/sdk";
import { html } from "hono/html";
import type { AdminContext } from "./editor.ts";
import { showAdmin } from "./shown.ts";

type Answer = Response | Promise<Response>;

export function showMayOnlyLook(tenantry: Tenantry, context: AdminContext): Answer {
  const text =
    "Your role lets you look at everything here, and change nothing. Ask for the role of an editor.";
  return refusal(tenantry, context, { title: "Nothing was changed", text, status: 403 });
}

export function showForAdminsOnly(tenantry: Tenantry, context: AdminContext): Answer {
  const text = "Users are looked after by the admins of this site. Ask one of them, or ask to become one.";
  return refusal(tenantry, context, { title: "This is for admins", text, status: 403 });
}

export function showNoAdminLeft(tenantry: Tenantry, context: AdminContext): Answer {
  const text = "This site would have no admin left. Make another user an admin first.";
  return refusal(tenantry, context, { title: "Nothing was changed", text, status: 409 });
}

export function showForeign(tenantry: Tenantry, context: AdminContext): Answer {
  const text = "The request came from another site, or from a page that was open for too long.";
  return refusal(tenantry, context, { title: "Nothing was changed", text, status: 403 });
}

export function showTooLarge(tenantry: Tenantry, context: AdminContext): Answer {
  const text = "The text is too long to be sent. Go back in your browser: what you wrote is still there.";
  return refusal(tenantry, context, { title: "Nothing was saved", text, status: 413 });
}

export function showNothingHere(tenantry: Tenantry, context: AdminContext): Answer {
  const text = "Somebody may have deleted it, or the address is mistyped.";
  return refusal(tenantry, context, { title: "There is nothing here", text, status: 404 });
}

function refusal(
  tenantry: Tenantry,
  context: AdminContext,
  { title, text, status }: { title: string; text: string; status: 403 | 404 | 409 | 413 },
): Answer {
  const main = html`<h1>${title}</h1><p>${text}</p><p><a class="button" href="/admin/pages">Go to the pages</a></p>`;
  return showAdmin(tenantry, context, { title, main }, status);
}
