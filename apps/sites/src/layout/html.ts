import type { HtmlEscapedString } from "hono/utils/html";

/** Markup in which every value was escaped. Made by `html` of hono/html. */
export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;
