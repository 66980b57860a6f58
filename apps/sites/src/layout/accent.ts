import { createHash } from "node:crypto";

/** The colours a site may wear; what each looks like stands in site.css. All of them read well on light and dark. */
export const accents = [
  "ruby",
  "coral",
  "amber",
  "olive",
  "leaf",
  "pine",
  "lagoon",
  "sky",
  "cobalt",
  "iris",
  "plum",
  "rose",
] as const;
export type Accent = (typeof accents)[number];

/** The colour that the site chose (setting `app.accent`), or one that is always the same for the same tenant. */
export function accentOf(chosen: unknown, tenantId: string): Accent {
  const known = accents.find((accent) => accent === chosen);
  return known ?? accents[seedOf(tenantId)[0]! % accents.length]!;
}

/** Bytes that look random and are always the same for the same text. */
export function seedOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** What stands in a site's mark: the first letter or digit of its name. */
export function initialOf(name: string): string {
  return name.match(/\p{L}|\p{N}/u)?.[0].toUpperCase() ?? "•";
}
