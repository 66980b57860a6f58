/**
 * Shows what a stranger sent inside a sentence of ours: in double quotes, shortened, and harmless (see `harmless`).
 */
export function echo(text: string, longest = 60): string {
  return `"${harmless(text, longest).replaceAll('"', '\\"')}"`;
}

/**
 * Text shortened, with everything that could change how its surroundings look (control characters, direction marks,
 * lone surrogates, invisible ones) written as an escape.
 */
export function harmless(text: string, longest: number): string {
  const shown = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return shown.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const hex = character.codePointAt(0)!.toString(16).padStart(4, "0");
    return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex}`;
  });
}
