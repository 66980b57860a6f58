import Table from "cli-table3";

export type Output = {
  /** `--json`: what programs read. */
  readonly json: boolean;
  /** Prints a result: as it is for programs, by `show` for people. */
  result<Value>(value: Value, show: (value: Value) => string): void;
  /** A sentence for people; programs don't see it. */
  say(text: string): void;
};

export function createOutput(json: boolean, stream: NodeJS.WritableStream = process.stdout): Output {
  return {
    json,
    result: (value, show) => void stream.write(`${json ? JSON.stringify(value, null, 2) : show(value)}\n`),
    say: (text) => {
      if (!json) stream.write(`${text}\n`);
    },
  };
}

const plain = Object.fromEntries(
  "top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid"
    .split(" ")
    .map((part) => [part, ""]),
);

/** Columns without lines, which survive being piped and copied. */
export function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const drawn = new Table({
    head: head.map((title) => title.toUpperCase()),
    chars: { ...plain, middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  drawn.push(
    ...rows.map((row) =>
      row.map((cell) => visible(cell === null || cell === undefined ? "-" : String(cell))),
    ),
  );
  return drawn
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** One thing, a line for each of its fields; what isn't set is left out. */
export function fields(entries: readonly (readonly [string, unknown])[]): string {
  const shown = entries.filter(([, value]) => value !== null && value !== undefined && value !== "");
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${visible(String(value))}`).join("\n");
}

/** Names come from strangers: control and direction characters must not reach the terminal. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === "\n" ? "\n" : "\ufffd",
  );
}
