import { createHash } from "node:crypto";

/** The colours a site may wear, as hues of OKLCH. Lightness is the style's, so all of them can be read. */
const hues = {
  ruby: 18,
  coral: 40,
  amber: 70,
  olive: 112,
  leaf: 142,
  pine: 165,
  lagoon: 198,
  sky: 236,
  cobalt: 262,
  iris: 286,
  plum: 322,
  rose: 356,
} as const;

export type Accent = keyof typeof hues;

export const accents = Object.keys(hues) as Accent[];

/** The colour that the site chose (setting `app.accent`), or one that is always the same for the same tenant. */
export function accentOf(chosen: unknown, tenantId: string): Accent {
  const known = accents.find((accent) => accent === chosen);
  return known ?? accents[seedOf(tenantId)[0]! % accents.length]!;
}

export function hueOf(accent: Accent): number {
  return hues[accent];
}

/** The rules by which `data-accent` colours a document. */
export const accentStyle = accents
  .map((accent) => `[data-accent="${accent}"] { --hue: ${hues[accent]}; }`)
  .join("\n");

/** Bytes that look random and are always the same for the same text. */
export function seedOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** What stands in a site's mark: the first letter or digit of its name. */
export function initialOf(name: string): string {
  return name.match(/\p{L}|\p{N}/u)?.[0].toUpperCase() ?? "•";
}
