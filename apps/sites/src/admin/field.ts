import { html } from "hono/html";
import type { Html } from "../layout/html.ts";

export type Field = {
  name: string;
  label: string;
  value?: string;
  hint?: string | Html;
  mistake?: string | undefined;
  /** Further attributes. */
  attributes?: Html;
  before?: string;
};

/** One line of text with its label, hint and mistake. */
export function textField(field: Field & { type?: string }): Html {
  const { name, value = "", type = "text", before } = field;
  const input = html`<input id="${name}" name="${name}" type="${type}" value="${value}" ${described(field)} ${field.attributes ?? ""}>`;
  return wrapped(
    field,
    before === undefined
      ? input
      : html`<span class="prefixed"><span aria-hidden="true">${before}</span>${input}</span>`,
  );
}

/** Several lines of text. */
export function textArea(field: Field & { rows: number }): Html {
  const { name, value = "", rows } = field;
  // The line break after the tag is not part of the text; one that begins the text would be lost without it.
  return wrapped(
    field,
    html`<textarea id="${name}" name="${name}" rows="${String(rows)}" ${described(field)} ${field.attributes ?? ""}>
${value}</textarea>`,
  );
}

function wrapped({ name, label, hint, mistake }: Field, control: Html): Html {
  return html`<div class="field ${mistake === undefined ? "" : "wrong"}">
<label for="${name}">${label}</label>
${hint === undefined ? "" : html`<p class="hint" id="${name}-hint">${hint}</p>`}
${mistake === undefined ? "" : html`<p class="mistake" id="${name}-mistake">${mistake}</p>`}
${control}
</div>`;
}

function described({ name, hint, mistake }: Field): Html {
  const ids = [hint === undefined ? "" : `${name}-hint`, mistake === undefined ? "" : `${name}-mistake`];
  const by = ids.filter((id) => id !== "").join(" ");
  return html`${by === "" ? "" : html`aria-describedby="${by}"`} ${mistake === undefined ? "" : html`aria-invalid="true"`}`;
}
