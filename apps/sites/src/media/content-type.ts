import { fileTypeFromBuffer } from "file-type";

export type Sniffed = {
  contentType: string;
  /** What the name of such a file ends with, where we know. */
  extension: string | undefined;
};

/** How much of a file's beginning `sniff` wants. */
export const sniffBytes = 16_384;

const unknown: Sniffed = { contentType: "application/octet-stream", extension: undefined };

/**
 * What a file is by its first bytes. What its name or its sender says doesn't matter. Text of any kind (HTML, scripts,
 * style) is unknown by intention: browsers must never run it.
 */
export async function sniff(head: Uint8Array): Promise<Sniffed> {
  if (isSvg(head)) return { contentType: "image/svg+xml", extension: "svg" };
  if (isUtf16(head)) return unknown;
  const found = await fileTypeFromBuffer(head);
  if (!found || found.mime === "application/xml") return unknown;
  return { contentType: found.mime, extension: found.ext };
}

/**
 * Whether a browser may show the file by itself. SVG is not among them: it shows as a picture in a page, where its
 * scripts don't run, and is downloaded otherwise.
 */
export function isShownInline(contentType: string): boolean {
  if (contentType === "image/svg+xml") return false;
  return contentType === "application/pdf" || /^(image|audio|video)\//.test(contentType);
}

function isSvg(head: Uint8Array): boolean {
  const text = new TextDecoder().decode(head);
  const prologue = /^\s*(?:<\?xml[^>]*>|<!--[\s\S]*?-->|<!DOCTYPE[^>[]*(?:\[[^\]]*\][^>]*)?>|\s)*/i;
  return /^<svg[\s>/]/i.test(text.slice(prologue.exec(text)?.[0].length ?? 0));
}

/** Its mark is easily taken for the beginning of a sound. */
function isUtf16([first, second]: Uint8Array): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}
