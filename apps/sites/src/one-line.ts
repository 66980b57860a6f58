/** Invisible controls, and marks that reverse how everything after them reads. */
const unwanted = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** A line of text as it was meant to be typed. */
export function oneLine(text = ""): string {
  return text.replace(/\s/gu, " ").replace(unwanted, "").replace(/ +/g, " ").trim();
}
