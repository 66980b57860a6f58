import { createReadStream } from "node:fs";

export type Tail = {
  lines: string[];
  /** The byte after the last whole line. */
  end: number;
};

/** The last `count` lines of a file that are wanted; an unfinished one at its end isn't among them. */
export async function readTail(
  file: string,
  count: number,
  isWanted: (line: string) => boolean,
): Promise<Tail> {
  const lines: string[] = [];
  let end = 0;
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    const last = chunk.lastIndexOf(10);
    if (last === -1) {
      rest = Buffer.concat([rest, chunk]);
      continue;
    }
    const whole = Buffer.concat([rest, chunk.subarray(0, last + 1)]);
    rest = Buffer.from(chunk.subarray(last + 1));
    end += whole.length;
    lines.push(...whole.toString("utf8").slice(0, -1).split("\n").filter(isWanted));
    if (lines.length > count) lines.splice(0, lines.length - count);
  }
  return { lines, end };
}
