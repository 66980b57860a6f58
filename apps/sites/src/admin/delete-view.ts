import { html } from "hono/html";
import type { Html } from "../layout/html.ts";
import { type AdminPage, csrfInput } from "./admin-frame.ts";
import type { Editor } from "./editor.ts";

/** Asks once more before something is lost. */
export function deleteView(
  parts: {
    section: NonNullable<AdminPage["section"]>;
    what: string;
    consequence: string;
    action: string;
    back: string;
    /** What it says on the way out. */
    keep?: string;
    version?: number;
    shown?: Html;
  },
  editor: Editor,
): AdminPage {
  const { section, what, consequence, action, back, keep = "Keep it", version, shown } = parts;
  return {
    title: `Delete ${what}?`,
    section,
    main: html`<div class="question card">
<h1>Delete ${what}?</h1>
${shown ?? ""}
<p>${consequence} This can’t be undone.</p>
<form method="post" action="${action}" class="actions">${csrfInput(editor)}
${version === undefined ? "" : html`<input type="hidden" name="version" value="${String(version)}">`}
<button class="button danger">Delete</button><a class="button" href="${back}">${keep}</a></form>
</div>`,
  };
}
