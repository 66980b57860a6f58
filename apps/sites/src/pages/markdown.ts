import { Marked } from "marked";
import sanitizeHtml from "sanitize-html";
import { levelHeadings } from "./headings.ts";
import { sanitizingRules } from "./sanitizing-rules.ts";

/** The rules of `renderMarkdown`: what was rendered by others must be rendered anew. */
export const rendererVersion = 1;

const marked = new Marked({ gfm: true });

/**
 * The HTML of a text in Markdown. Whatever the text holds, the result has no scripts, styles, forms, frames, handlers or
 * addresses other than http, https, mailto, tel and the site's own; pictures and sound come from the site itself.
 */
export function renderMarkdown(text: string): string {
  const tokens = marked.lexer(text);
  levelHeadings(tokens);
  return scrollable(sanitizeHtml(marked.parser(tokens), sanitizingRules));
}

/** What is wider than a phone scrolls by itself, also with the keyboard. Works on sanitised markup only. */
function scrollable(html: string): string {
  return html
    .replaceAll("<table>", '<div class="table" tabindex="0"><table>')
    .replaceAll("</table>", "</table></div>")
    .replaceAll("<pre>", '<pre tabindex="0">');
}
