import type { IOptions, Tag } from "sanitize-html";

/** What of written HTML may stay. Everything that isn't named goes. */
export const sanitizingRules: IOptions = {
  allowedTags: [
    ...["h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "pre", "code", "kbd", "samp"],
    ...["ul", "ol", "li", "dl", "dt", "dd", "strong", "em", "b", "i", "u", "s", "del", "ins", "mark"],
    ...["sub", "sup", "small", "abbr", "cite", "q", "a", "img", "figure", "figcaption", "details", "summary"],
    ...["table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption", "audio", "video"],
  ],
  allowedAttributes: {
    a: ["href", "title", "rel"],
    img: ["src", "alt", "title", "width", "height", "loading"],
    audio: ["src", "controls", "preload"],
    video: ["src", "controls", "preload", "width", "height"],
    ol: ["start"],
    th: ["align", "scope"],
    td: ["align"],
    abbr: ["title"],
    "*": ["lang", "dir"],
  },
  allowedSchemes: ["http", "https", "mailto", "tel"],
  allowProtocolRelative: false,
  disallowedTagsMode: "discard",
  // Their text isn't meant to be read.
  nonTextTags: ["script", "style", "textarea", "option", "noscript", "template", "title", "iframe"],
  // A heading of the first level that was written as HTML.
  transformTags: { h1: "h2", a: link, img: picture, audio: player, video: player },
};

function link(tagName: string, attribs: Tag["attribs"]): Tag {
  const elsewhere = /^https?:/i.test(attribs.href ?? "");
  return { tagName, attribs: { ...attribs, rel: elsewhere ? "noopener nofollow ugc" : "" } };
}

/** A picture on another server would tell that server who reads the page; it becomes a link. */
function picture(tagName: string, attribs: Tag["attribs"]): Tag {
  const { src = "", alt = "" } = attribs;
  if (isOwn(src)) return { tagName, attribs: { ...attribs, alt, loading: "lazy" } };
  return { tagName: "a", attribs: { href: src, rel: "noopener nofollow ugc" }, text: alt || src };
}

function player(tagName: string, attribs: Tag["attribs"]): Tag {
  const { src = "" } = attribs;
  if (isOwn(src)) return { tagName, attribs: { ...attribs, controls: "", preload: "metadata" } };
  return { tagName: "a", attribs: { href: src, rel: "noopener nofollow ugc" }, text: src };
}

/** Only paths of the site's media: no scheme, no host, no way up. */
function isOwn(address: string): boolean {
  return /^\/media\/[^\\\s]+$/.test(address) && !address.includes("..");
}
