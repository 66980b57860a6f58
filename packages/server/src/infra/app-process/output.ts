import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** The rest of a longer line is left out. */
const longestLine = 10_000;
/** What writing a line down costs beside its text. */
const bytesPerLine = 200;

export type OutputLimits = {
  /** What may be written at once … */
  burstBytes: number;
  /** … and then on and on. */
  bytesPerSecond: number;
};

const defaultLimits: OutputLimits = { burstBytes: 8 * 1024 * 1024, bytesPerSecond: 1024 * 1024 };

/**
 * Hands on the lines of an application's output. What we keep of it is bounded, and so is the time it takes us: an
 * application that writes faster for long is read more slowly, and waits.
 */
export function readLines(
  stream: Readable,
  hear: (line: string) => void,
  { burstBytes, bytesPerSecond }: OutputLimits = defaultLimits,
): void {
  const decoder = new StringDecoder("utf8");
  let line = "";
  let budget = burstBytes;
  let filledAt = performance.now();

  function take(text: string): void {
    const parts = text.split("\n");
    for (const [index, part] of parts.entries()) {
      line += part.slice(0, longestLine - line.length);
      if (index === parts.length - 1) break;
      hear(line.endsWith("\r") ? line.slice(0, -1) : line);
      line = "";
      budget -= bytesPerLine;
    }
  }

  function pay(bytes: number): void {
    const now = performance.now();
    budget = Math.min(burstBytes, budget + ((now - filledAt) / 1_000) * bytesPerSecond) - bytes;
    filledAt = now;
    if (budget >= 0) return;
    stream.pause();
    setTimeout(() => stream.resume(), (-budget / bytesPerSecond) * 1_000).unref();
  }

  stream.on("data", (bytes: Buffer) => {
    take(decoder.write(bytes));
    pay(bytes.length);
  });
  stream.on("end", () => {
    take(decoder.end());
    if (line !== "") hear(line);
  });
}
