import { inspect } from "node:util";

/** What moves the cursor, colours, or turns the direction of writing. */
const harmful = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Names come from strangers: control and direction characters must not reach the terminal. */
export function visible(text: string): string {
  return text.replace(harmful, (character) => (character === "\n" ? "\n" : "\ufffd"));
}

/** The same, on one line. */
export function visibleLine(text: string): string {
  return visible(text).replaceAll("\n", " ");
}

/** Somebody gave a file's contents where its name belongs, or the like: such a word is told by its beginning. */
export function brief(text: string): string {
  return text.replace(/\S{500,}/g, (word) => `${word.slice(0, 60)}…`);
}

/** JSON for programs that is harmless when a person looks at it: the same value, with escapes in its strings. */
export function toJson(value: unknown, indent = 2): string {
  const text = JSON.stringify(value, null, indent);
  return text.replace(harmful, (character) =>
    character === "\n" ? "\n" : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** 9 ms, 1.2 s, 2 min 5 s. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

const units = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
] as const;
const relative = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "short" });

/** How far a moment is from `now`, in the largest unit that fits: 5 min. ago, in 7 days. */
export function distance(iso: string, now: number): string {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? units[3];
  if (seconds === 0) return "now";
  // A week less a second is said to be a week off, but something is a day old only when the day is over.
  return relative.format(seconds > 0 ? Math.round(seconds / size) : Math.trunc(seconds / size), unit);
}

/** An error that nobody foresaw. */
export function unforeseen(error: unknown): string {
  return visible(inspect(error));
}
