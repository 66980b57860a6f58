import { html, raw } from "hono/html";
import type { Html } from "../layout/html.ts";
import { type Page, type PageText, pathOfPage } from "../pages/page.ts";
import type { FormMistake } from "../pages/page-form.ts";
import { type AdminPage, csrfInput } from "./admin-frame.ts";
import type { Editor } from "./editor.ts";
import { textArea, textField } from "./field.ts";
import type { Notice } from "./notice.ts";
import { dateTime } from "./time.ts";

export type PageForm = {
  /** The page that is edited; none while it is new. `version` is the one that the editor has seen. */
  page?: Pick<Page, "id" | "version" | "published"> & Partial<Pick<Page, "slug" | "updatedAt" | "updatedBy">>;
  text: PageText;
  mistakes?: readonly FormMistake[];
  notice?: Notice | undefined;
  /** Sanitised HTML of the text. */
  preview?: string;
  /** What somebody else saved meanwhile. */
  theirs?: Page;
  homeSlug: string;
  /** `acme.example.com` */
  host: string;
  timezone: string;
  language: string;
  media?: readonly { name: string; snippet: string }[];
};

export function pageFormView(form: PageForm, editor: Editor | undefined): AdminPage {
  const { page, text } = form;
  const title = page ? `Edit “${text.title}”` : "New page";
  const action = page ? `/admin/pages/${page.id}` : "/admin/pages";
  const mayEdit = editor?.mayEdit ?? true;
  const main = html`<p class="back"><a href="/admin/pages">All pages</a></p>
<div class="title-row"><h1>${page ? html`<span class="hidden-visually">Edit </span><span lang="${form.language}" dir="auto">${text.title}</span>` : title}</h1>${page ? status(page) : ""}</div>
<form class="editor" method="post" action="${action}" ${mayEdit ? html`data-guard` : ""} novalidate>
${csrfInput(editor)}
${page ? html`<input type="hidden" name="id" value="${page.id}"><input type="hidden" name="version" value="${String(page.version)}"><input type="hidden" name="published" value="${String(page.published)}">` : ""}
${form.theirs ? theirVersion(form.theirs, form) : ""}
<fieldset class="plain" ${mayEdit ? "" : html`disabled`}><legend class="hidden-visually">The page</legend>${fields(form)}</fieldset>
${mayEdit ? actions(page) : ""}
<section class="preview" aria-label="Preview" ${form.preview === undefined ? html`hidden` : html`id="preview"`} data-preview><h2>Preview</h2><div class="prose card" lang="${form.language}" dir="auto">${raw(form.preview ?? "")}</div></section>
</form>
<aside class="beside">${beside(form, editor)}</aside>`;
  return {
    title,
    section: "pages",
    notice: form.notice ?? mistakeNotice(form.mistakes),
    main: html`<div class="edit-page">${main}</div>`,
  };
}

function status({ published }: { published: boolean }): Html {
  return html`<span class="badge ${published ? "live" : ""}">${published ? "Published" : "Draft"}</span>`;
}

function mistakeNotice(mistakes: readonly FormMistake[] = []): Notice | undefined {
  if (mistakes.length === 0) return undefined;
  return { tone: "bad", title: "Not saved yet: something needs to be mended", mistakes };
}

function fields({ text, mistakes = [], host, language, homeSlug }: PageForm): Html {
  const mistakeIn = (field: keyof PageText): string | undefined =>
    mistakes.find((mistake) => mistake.field === field)?.message;
  const written = html`lang="${language}" dir="auto"`;
  return html`${textField({ name: "title", label: "Title", value: text.title, mistake: mistakeIn("title"), attributes: html`${written} required maxlength="200" autocomplete="off"` })}
${textField({ name: "slug", label: "Address", value: text.slug, before: `${host}/`, hint: `Left empty, it is made of the title. “${homeSlug}” is the home page.`, mistake: mistakeIn("slug"), attributes: html`autocapitalize="none" spellcheck="false" autocomplete="off" maxlength="80"` })}
${textField({ name: "description", label: "Description", value: text.description, hint: "One or two sentences, shown under the title and by search engines.", mistake: mistakeIn("description"), attributes: html`${written} maxlength="300" autocomplete="off"` })}
${textArea({ name: "body", label: "Text", value: text.body, rows: 18, hint: html`Formatted with Markdown: <code>## Heading</code>, <code>**bold**</code>, <code>*italic*</code>, <code>- item</code>, <code>[link](https://…)</code>.`, mistake: mistakeIn("body"), attributes: written })}`;
}

function actions(page: PageForm["page"]): Html {
  const preview = html`<button class="button" name="intent" value="preview" formaction="/admin/pages/preview#preview" data-preview-button>Preview</button>`;
  if (page?.published) {
    return html`<div class="actions"><button class="button primary" name="intent" value="keep">Save changes</button>${preview}<button class="button" name="intent" value="unpublish">Save and unpublish</button></div>`;
  }
  return html`<div class="actions"><button class="button primary" name="intent" value="publish">Save and publish</button><button class="button" name="intent" value="keep">Save draft</button>${preview}</div>`;
}

function theirVersion(theirs: Page, { timezone, language }: PageForm): Html {
  return html`<details class="theirs" open><summary>What ${theirs.updatedBy} saved, ${dateTime(theirs.updatedAt, timezone)}</summary>
<dl><dt>Title</dt><dd lang="${language}" dir="auto">${theirs.title}</dd><dt>Address</dt><dd>/${theirs.slug}</dd><dt>Description</dt><dd lang="${language}" dir="auto">${theirs.description}</dd></dl>
<label for="theirs">Text</label><textarea id="theirs" rows="10" readonly lang="${language}" dir="auto">
${theirs.body}</textarea>
<p><a href="/admin/pages/${theirs.id}">Drop what I wrote, and go on with this</a></p></details>`;
}

function beside({ page, homeSlug, timezone, media = [] }: PageForm, editor: Editor | undefined): Html {
  const view =
    page?.published && page.slug !== undefined
      ? html`<p><a href="${pathOfPage(page.slug, homeSlug)}">View the page</a></p>`
      : "";
  const saved =
    page?.updatedAt && page.updatedBy !== undefined
      ? html`<p class="hint">Last saved ${dateTime(page.updatedAt, timezone)} by ${page.updatedBy}.</p>`
      : "";
  const remove =
    page && editor?.mayEdit
      ? html`<p><a class="danger" href="/admin/pages/${page.id}/delete">Delete this page…</a></p>`
      : "";
  const item = ({ name, snippet }: { name: string; snippet: string }): Html =>
    html`<li><button type="button" class="button small" data-insert="${snippet}" hidden>Insert</button> <span>${name}</span></li>`;
  return html`${view}${saved}
<section><h2>Pictures and files</h2>
${media.length > 0 ? html`<ul class="insert" data-insert-list hidden>${media.map(item)}</ul>` : ""}
<p class="hint"><a href="/admin/media" target="_blank" rel="noopener">Open the media library<span class="hidden-visually"> in a new tab</span></a> to upload files and to copy their Markdown.</p></section>
${remove}`;
}
