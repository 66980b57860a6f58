/** Paths of the application itself, which no page may take. */
const reserved = new Set([
  ...["admin", "assets", "favicon", "health", "media", "pages", "robots", "sitemap", "verify-email"],
]);

const shape = /^[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(-[\p{L}\p{N}\p{M}]+)*$/u;
const longest = 80;
/** Of what somebody typed. Texts that were made to be slow to normalise take a minute for each megabyte. */
const longestTyped = 1_000;

/** Whether a text may be a page's address: letters and digits of any script, in lower case, words joined by hyphens. */
export function isSlug(text: string): boolean {
  return mistakeInSlug(text) === undefined;
}

/** What is wrong with a slug, for whoever typed it; undefined when nothing is. */
export function mistakeInSlug(text: string): string | undefined {
  if (text === "") return "Give the page an address.";
  if (text.length > longest) return `An address has at most ${longest} characters.`;
  if (!shape.test(text) || text !== text.normalize("NFC").toLowerCase()) {
    return "An address has only lower-case letters, digits, and single hyphens between them.";
  }
  if (reserved.has(text)) return `“${text}” is used by the site itself. Choose another address.`;
  return undefined;
}

/** What was typed as a slug, in the form that slugs have; as it is where it is none anyway. */
export function tidySlug(typed: string): string {
  return typed.length > longestTyped ? typed : typed.trim().normalize("NFC").toLowerCase();
}

/** A slug made of a title; empty when nothing in the title can stand in one. */
export function slugOf(title: string): string {
  const words = title
    .slice(0, longestTyped)
    .normalize("NFKD")
    // Accents go where the letter can stand alone; scripts that need their marks keep them.
    .replace(/(?<=\p{Script=Latin})\p{M}+/gu, "")
    .replaceAll("ß", "ss")
    .toLowerCase()
    .normalize("NFC")
    .match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu);
  const slug = [...(words ?? []).join("-")].slice(0, longest).join("").replace(/-+$/, "");
  if (reserved.has(slug)) return `${slug}-page`;
  // A cut or a lower case may leave what needs a person's eye.
  return isSlug(slug) ? slug : "";
}
