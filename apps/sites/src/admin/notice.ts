import { html } from "hono/html";
import type { Html } from "../layout/html.ts";

/** Something the editor must know before anything else on the page. */
export type Notice = {
  tone: "good" | "bad" | "neutral";
  title: string;
  text?: string | Html;
  /** Where each mistake can be mended: the field's id, and what is wrong. */
  mistakes?: readonly { field: string; message: string }[];
  link?: { href: string; label: string; newTab?: boolean };
};

/** What a page that follows a change says; the address carries the key alone, so that nobody can put words there. */
const afterChange: Record<string, Notice> = {
  created: { tone: "good", title: "Draft saved", text: "Only people who log in can see it." },
  saved: { tone: "good", title: "Saved" },
  published: { tone: "good", title: "Published", text: "Everybody can read it now." },
  unpublished: { tone: "good", title: "Unpublished", text: "It is a draft again." },
  deleted: { tone: "good", title: "Page deleted" },
  uploaded: { tone: "good", title: "Uploaded" },
  "user-created": {
    tone: "good",
    title: "User created",
    text: "Nothing was sent to them: tell them their password yourself. They can change it once they have logged in.",
  },
  "user-saved": { tone: "good", title: "Saved" },
  "user-deactivated": {
    tone: "good",
    title: "Deactivated",
    text: "Whoever is logged in as this user is logged out within seconds.",
  },
  "user-activated": { tone: "good", title: "Activated", text: "They can log in again." },
  "user-deleted": { tone: "good", title: "User deleted" },
  "user-password": {
    tone: "good",
    title: "New password set",
    text: "Tell it to them yourself. Whoever was logged in as this user is logged out within seconds.",
  },
  "sessions-ended": {
    tone: "good",
    title: "Logged out everywhere",
    text: "It takes a few seconds. They can log in again at any time.",
  },
  "password-changed": {
    tone: "good",
    title: "Password changed",
    text: "You stay logged in here. Everywhere else you are logged out within seconds.",
  },
  "email-verified": {
    tone: "good",
    title: "Your e-mail address is confirmed",
    text: "You can log in with it now.",
  },
  "user-unproven": {
    tone: "neutral",
    title: "Saved: the new address must be confirmed",
    text: "They are logged out until then. Make a link for them below.",
  },
  "user-created-unproven": {
    tone: "neutral",
    title: "User created: their address must be confirmed",
    text: "Nothing was sent to them. Make a link below, and send it to the address; tell them their password yourself.",
  },
  "user-vouched": { tone: "good", title: "Confirmed", text: "They can log in with this address." },
  removed: { tone: "good", title: "File deleted" },
};

export function noticeAfter(change: string | undefined): Notice | undefined {
  return change !== undefined && Object.hasOwn(afterChange, change) ? afterChange[change] : undefined;
}

export function noticeView({ tone, title, text, mistakes = [], link }: Notice): Html {
  const list = mistakes.map(({ field, message }) => html`<li><a href="#${field}">${message}</a></li>`);
  const role = tone === "bad" ? "alert" : "status";
  // Told to those who can't see it: a page that was loaded anew starts being read at what has the focus.
  return html`<div class="notice ${tone}" role="${role}" tabindex="-1" ${tone === "good" ? "" : html`autofocus`}>
<p><strong>${title}</strong></p>
${text === undefined ? "" : html`<p>${text}</p>`}
${list.length > 0 ? html`<ul>${list}</ul>` : ""}
${link === undefined ? "" : html`<p><a href="${link.href}" ${link.newTab ? html`target="_blank" rel="noopener"` : ""}>${link.label}</a></p>`}
</div>`;
}
