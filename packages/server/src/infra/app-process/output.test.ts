import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { waitUntil } from "../../testing/wait-until.ts";
import { type OutputLimits, readLines } from "./output.ts";

function reading(limits?: OutputLimits) {
  const stream = new PassThrough({ highWaterMark: 1024 * 1024 });
  const lines: string[] = [];
  readLines(stream, (line) => lines.push(line), limits);
  return { stream, lines };
}

test("lines arrive as they were written, however they were cut, the last one without its end too", async () => {
  const { stream, lines } = reading();
  const text = Buffer.from("one\r\n\nzwölf €\nlast");
  for (const byte of text) stream.write(Buffer.of(byte));
  stream.end();
  await waitUntil("all were heard", () => lines.length === 4);
  expect(lines).toEqual(["one", "", "zwölf €", "last"]);
});

test("of a line without an end no more is kept than its beginning", async () => {
  const { stream, lines } = reading({ burstBytes: 1e9, bytesPerSecond: 1e9 });
  const before = process.memoryUsage().heapUsed;
  for (let megabytes = 0; megabytes < 100; megabytes += 1) {
    if (!stream.write(Buffer.alloc(1024 * 1024, "x"))) await new Promise((go) => stream.once("drain", go));
  }
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(50 * 1024 * 1024);
  stream.end("\nnext\n");
  await waitUntil("the line after it was heard", () => lines.length === 2);
  expect(lines).toEqual(["x".repeat(10_000), "next"]);
});

test("whoever writes faster than we care to read waits, and loses nothing", async () => {
  const { stream, lines } = reading({ burstBytes: 10_000, bytesPerSecond: 100_000 });
  for (let number = 0; number < 100; number += 1) stream.write(`line ${number}\n`);
  await waitUntil("it is made to wait", () => stream.isPaused());
  expect(lines.length).toBeLessThan(100);
  await waitUntil("all were heard", () => lines.length === 100);
  expect(lines.at(-1)).toBe("line 99");
});
