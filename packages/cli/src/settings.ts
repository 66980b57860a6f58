import { wrongUsage } from "./problem.ts";

/** `key=value` pairs; a value that reads as JSON counts as that, other text as text. */
export function parseSettings(pairs: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => splitPair(pair, "key=value")).map(([key, text]) => [key, parse(text)]),
  );
}

/** The two sides of the first `=`. */
export function splitPair(pair: string, form: string): [string, string] {
  const at = pair.indexOf("=");
  if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
  throw wrongUsage(`${JSON.stringify(pair)} is not of the form ${form}.`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the text itself is the value, so that nobody has to quote twice.
    return text;
  }
}
