import { html } from "hono/html";
import type { Html } from "../layout/html.ts";
import { showBytes } from "../limits.ts";
import { type MediaFile, pathOfMedia, snippetOf } from "../media/media.ts";
import { type AdminPage, csrfInput } from "./admin-frame.ts";
import type { Editor } from "./editor.ts";
import type { Notice } from "./notice.ts";
import { dateTime } from "./time.ts";

export type MediaLibrary = {
  files: readonly MediaFile[];
  count: number;
  usedBytes: number;
  quotaBytes: number;
  maxUploadBytes: number;
  timezone: string;
  part: number;
  partSize: number;
};

export function mediaView(library: MediaLibrary, editor: Editor, notice?: Notice): AdminPage {
  const { files, count, usedBytes, quotaBytes } = library;
  return {
    title: "Media",
    section: "media",
    notice,
    main: html`<div class="title-row"><div><h1>Media</h1><p class="hint">Pictures and files for your pages. Whoever knows a file’s address can see it.</p></div></div>
${editor.mayEdit ? uploadForm(library, editor) : ""}
<p class="usage"><label for="usage">${showBytes(usedBytes)} of ${showBytes(quotaBytes)} used</label> <meter id="usage" min="0" max="${String(Math.max(quotaBytes, 1))}" high="${String(quotaBytes * 0.9)}" value="${String(usedBytes)}"></meter></p>
${count === 0 ? html`<section class="empty"><h2>No files yet</h2><p>What you upload appears here, with the Markdown to put it on a page.</p></section>` : html`<ul class="media-grid">${files.map((file) => item(file, library, editor))}</ul>`}
${parts(library)}`,
  };
}

function uploadForm({ maxUploadBytes }: MediaLibrary, editor: Editor): Html {
  return html`<form class="upload card" method="post" action="/admin/media" enctype="multipart/form-data">${csrfInput(editor)}
<div class="field"><label for="files">Upload files</label><p class="hint" id="files-hint">Up to ${showBytes(maxUploadBytes)} each, 20 at once.</p>
<input id="files" type="file" name="files" multiple required aria-describedby="files-hint" data-max-bytes="${String(maxUploadBytes)}"></div>
<button class="button primary">Upload</button></form>`;
}

function item(file: MediaFile, { timezone }: MediaLibrary, editor: Editor): Html {
  const { id, name, contentType, size } = file;
  const snippet = snippetOf(file);
  return html`<li class="card" id="file-${id}">
<a class="thumb" href="${pathOfMedia(file)}">${thumbnail(file)}<span class="hidden-visually">Open ${name}</span></a>
<p class="name">${name}</p>
<p class="hint">${kindOf(contentType)}, ${showBytes(size)} · ${dateTime(file.createdAt, timezone)}</p>
<label class="hidden-visually" for="snippet-${id}">Markdown for ${name}</label>
<input id="snippet-${id}" class="snippet" readonly value="${snippet}">
<div class="actions"><button type="button" class="button small" data-copy="${snippet}" hidden>Copy<span class="hidden-visually"> the Markdown for ${name}</span></button>
${editor.mayEdit ? html`<a class="danger" href="/admin/media/${id}/delete">Delete<span class="hidden-visually"> ${name}</span></a>` : ""}</div>
</li>`;
}

/** A small look at a file. */
export function thumbnail(file: MediaFile): Html {
  if (file.contentType.startsWith("image/")) {
    return html`<img class="media-preview" src="${pathOfMedia(file)}" alt="" loading="lazy">`;
  }
  const ending = /\.([A-Za-z0-9]{1,5})$/.exec(file.name)?.[1] ?? "file";
  return html`<span class="file-kind" aria-hidden="true">${ending}</span>`;
}

const kinds: Record<string, string> = { image: "Picture", audio: "Sound", video: "Video" };

function kindOf(contentType: string): string {
  if (contentType === "application/pdf") return "PDF";
  return kinds[contentType.split("/")[0]!] ?? "File";
}

function parts({ count, part, partSize }: MediaLibrary): Html {
  const last = Math.ceil(count / partSize);
  if (last <= 1) return html``;
  const step = (to: number, label: string): Html =>
    to >= 1 && to <= last
      ? html`<a class="button" href="/admin/media?part=${String(to)}">${label}</a>`
      : html``;
  return html`<nav class="parts" aria-label="Parts of the library">${step(part - 1, "Newer")}<span>Part ${String(part)} of ${String(last)}</span>${step(part + 1, "Older")}</nav>`;
}
