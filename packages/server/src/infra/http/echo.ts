/**
 * Shows what a stranger sent inside a sentence of ours: in double quotes, shortened, with everything that could
 * change how the sentence looks (control characters, direction marks, lone surrogates) written as an escape.
 */
export function echo(text: string, longest = 60): string {
  const shown = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return `"${shown.replaceAll(/["\\]|[\p{C}\p{Zl}\p{Zp}]/gu, escapeCharacter)}"`;
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === "\\") return `\\${character}`;
  const hex = character.codePointAt(0)!.toString(16).padStart(4, "0");
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex}`;
}

/** One part of a JSON pointer (RFC 6901), as safe to show as `echo` makes it. */
export function pointerPart(part: string | number): string {
  const escaped = String(part).replaceAll("~", "~0").replaceAll("/", "~1");
  return `/${echo(escaped, 80).slice(1, -1)}`;
}
