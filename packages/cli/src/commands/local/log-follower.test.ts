import { appendFileSync, existsSync, mkdtempSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { followLog } from "./log-follower.ts";

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "tenantry-test-follow-"));
  file = path.join(directory, "tenantry.log");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const append = (text: string) => appendFileSync(file, text);

/** As the server does it: the oldest first. */
function putAside(keep: number): void {
  const names = [file, ...Array.from({ length: keep - 1 }, (_, at) => `${file}.${at + 1}`)];
  for (let at = names.length - 1; at > 0; at -= 1) {
    if (existsSync(names[at - 1]!)) renameSync(names[at - 1]!, names[at]!);
  }
  append("");
}

/** Follows until the line `end` came. */
async function linesUntil(end: string, from = 0): Promise<string[]> {
  const stop = new AbortController();
  const lines: string[] = [];
  for await (const line of followLog(file, from, stop.signal)) {
    if (line === end) stop.abort();
    else lines.push(line);
  }
  return lines;
}

it("shows every line once and in order while the log is put aside again and again", async () => {
  append("skipped\n");
  const following = linesUntil("end", "skipped\n".length);
  const count = 3_000;
  for (let number = 0; number < count; number += 1) {
    // A line may come in parts, and the log be put aside several times between two looks.
    append(`${number}`);
    if (number % 50 === 0) await delay(1);
    append("\n");
    if (number % 100 === 99) putAside(50);
  }
  append("end\n");
  expect(await following).toEqual(Array.from({ length: count }, (_, at) => String(at)));
});

it("goes on with the oldest line that is kept when it was overtaken", async () => {
  append("first\n");
  const stop = new AbortController();
  const lines = followLog(file, 0, stop.signal);
  expect((await lines.next()).value).toBe("first");
  for (let number = 0; number < 10; number += 1) {
    putAside(3);
    append(`${number}\n`);
  }
  expect((await lines.next()).value).toBe("7");
  expect((await lines.next()).value).toBe("8");
  expect((await lines.next()).value).toBe("9");
  await lines.return(undefined);
});
