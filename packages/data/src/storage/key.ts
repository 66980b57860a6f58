import { UnsafeKey } from "../errors.ts";

/** Where file storage keeps its own records: no key may begin so. */
export const reservedPart = ".tenantry";

// A store takes 1,024 bytes, and a part of them says whose object it is.
const maxKeyBytes = 960;
const maxPartBytes = 255;
const maxParts = 64;

// Reading order marks, zero-width characters and the like make two keys look alike. Joiners stay: Persian, Indic
// scripts and emoji need them.
const invisible = /(?![\u200c\u200d])[\p{Cf}\p{Zl}\p{Zp}]/u;
const separatorLookalike = /[\u2044\u2215\u29f8\u2216\u29f5\u29f9\u27cb\u27cd\u2571\u2572]/u;
const nonCharacter = /[\ufffd-\uffff\ufdd0-\ufdef]/u;

/**
 * Splits a key into its parts, or throws `UnsafeKey` with the reason. Whatever passes stays below the directory it is
 * joined to, and is spelt in one way only: it needs no further cleaning, and cleaning would not change it.
 */
export function parseKey(key: string): string[] {
  const mistake = mistakeInKey(key);
  if (mistake) throw new UnsafeKey(String(key), mistake);
  return key.split("/");
}

/** Splits the beginning of a key: whole parts, and the start of the part after them. */
export function parsePrefix(prefix: string): { parts: string[]; start: string } {
  if (prefix === "") return { parts: [], start: "" };
  const mistake = mistakeInText(prefix);
  if (mistake) throw new UnsafeKey(String(prefix), mistake);
  const parts = prefix.split("/");
  const start = parts.pop()!;
  const wrong = mistakeInParts(parts);
  if (wrong) throw new UnsafeKey(prefix, wrong);
  return { parts, start };
}

/** Whether `parseKey` would accept the key. */
export function isKey(key: string): boolean {
  return mistakeInKey(key) === undefined;
}

function mistakeInKey(key: string): string | undefined {
  return mistakeInText(key) ?? mistakeInParts(key.split("/")) ?? mistakeInFirstPart(key);
}

function mistakeInText(text: string): string | undefined {
  if (typeof text !== "string") return "is not a text";
  if (text === "") return "is empty";
  if (text.length > maxKeyBytes || Buffer.byteLength(text) > maxKeyBytes) {
    return `is longer than ${maxKeyBytes} bytes`;
  }
  if (!text.isWellFormed()) return "is not well-formed Unicode";
  if (/\p{Cc}/u.test(text)) return "contains a control character";
  if (text.includes("\\")) return "contains a backslash";
  if (invisible.test(text)) return "contains an invisible or direction-changing character";
  if (nonCharacter.test(text)) return "contains a character that stands for none";
  if (text.normalize("NFC") !== text) return "is not in Unicode normal form C";
  if (separatorLookalike.test(text) || hidesSeparator(text)) {
    return "contains a character that some programs take for a dot or a slash";
  }
  return undefined;
}

// Fullwidth dots and slashes, leaders, ellipses, "℀": harmless here, but not to a program that normalises to NFKC.
function hidesSeparator(text: string): boolean {
  for (const character of text) {
    if (character > "\u007f" && /[./\\\p{Cc}]/u.test(character.normalize("NFKC"))) return true;
  }
  return false;
}

function mistakeInParts(parts: string[]): string | undefined {
  if (parts.length > maxParts) return `has more than ${maxParts} parts`;
  for (const part of parts) {
    if (part === "") return "begins or ends with a slash, or has two in a row";
    if (/^\.+$/.test(part)) return "has a part of dots alone";
    if (part.trim() !== part) return "has a part that begins or ends with a space";
    if (Buffer.byteLength(part) > maxPartBytes) return `has a part of more than ${maxPartBytes} bytes`;
  }
  return undefined;
}

function mistakeInFirstPart(key: string): string | undefined {
  const first = key.split("/", 1)[0]!.normalize("NFKC").toLowerCase();
  return first === reservedPart ? `begins with ${reservedPart}, which is reserved` : undefined;
}
