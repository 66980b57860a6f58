import { styleText } from "node:util";

/** What a text means; how that looks is decided here alone. */
export type Tone = "good" | "busy" | "bad" | "dim" | "strong" | "plain";

const formats = {
  good: "green",
  busy: "yellow",
  bad: "red",
  dim: "dim",
  strong: "bold",
  plain: "reset",
} as const;

/** How what is printed may look, which depends on who reads it. */
export type Look = {
  /** Columns of the terminal. Undefined where the output goes elsewhere: nothing is shortened there. */
  width: number | undefined;
  /** Milliseconds since 1970, for times relative to it. */
  now: number;
  /** Colours a text, unless NO_COLOR, the terminal or a pipe speak against it. */
  paint(tone: Tone, text: string): string;
};

export function lookOf(stream: NodeJS.WriteStream): Look {
  return {
    width: stream.isTTY ? stream.columns || 80 : undefined,
    now: Date.now(),
    paint: (tone, text) => (tone === "plain" ? text : styleText(formats[tone], text, { stream })),
  };
}

const tones: Readonly<Record<string, Tone>> = {
  active: "good",
  isolated: "good",
  breached: "bad",
  ready: "good",
  healthy: "good",
  succeeded: "good",
  done: "good",
  failed: "bad",
  needs_operator: "bad",
  unhealthy: "bad",
  backing_off: "bad",
  deleting: "bad",
  purging: "bad",
  cancelled: "dim",
  deactivated: "dim",
  deleted: "dim",
  pending: "dim",
  stopped: "dim",
};

/** The tone of a state's name, of whatever it is the state. */
export function toneOf(state: string): Tone {
  return tones[state] ?? "busy";
}
