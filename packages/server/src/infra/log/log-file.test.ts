import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../../testing/wait-until.ts";
import { createLog } from "./index.ts";
import { openLogFile } from "./log-file.ts";

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-test-log-"));
  file = path.join(directory, "logs", "tenantry.log");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);

/** The files, the oldest first. */
async function files(): Promise<string[]> {
  const names = await readdir(path.dirname(file));
  return names.sort((a, b) => Number(b.split(".")[2] ?? 0) - Number(a.split(".")[2] ?? 0));
}

async function contents(): Promise<string> {
  const texts = (await files()).map((name) => readFile(path.join(path.dirname(file), name), "utf8"));
  return (await Promise.all(texts)).join("");
}

const written = async () => (await contents()).trimEnd().split("\n").map(Number);

describe("a log file", () => {
  it("is put aside by size, in whole lines, with as many older ones kept as were asked for", async () => {
    const log = await openLogFile({ file, maxBytes: 1_000, keep: 3 });
    for (const number of numbers(0, 1_000)) {
      log.write(`${number}\n`);
      // Some at once, some one by one.
      if (number % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await log.close();
    expect(await files()).toEqual(["tenantry.log.2", "tenantry.log.1", "tenantry.log"]);
    for (const name of await files()) {
      const { size, mode } = await stat(path.join(path.dirname(file), name));
      expect(size).toBeLessThanOrEqual(1_000);
      expect(mode & 0o777).toBe(0o600);
    }
    const seen = await written();
    expect(seen).toEqual(numbers(1_000 - seen.length, 1_000));
    expect(seen.length).toBeGreaterThan(400);
  });

  it("loses nothing of a flood while it is put aside, and goes on where it was after a restart", async () => {
    for (const start of [0, 20_000]) {
      const log = await openLogFile({ file, maxBytes: 50_000, keep: 100 });
      for (const number of numbers(start, start + 20_000)) log.write(`${number}\n`);
      await log.close();
    }
    expect(await written()).toEqual(numbers(0, 40_000));
  });

  it.each([
    ["exits", "process.exit(3)"],
    ["dies of a mistake", "null.oops"],
  ])(
    "has every line, once and in order, of a process that %s right after it wrote them",
    async (_how, end) => {
      const script = path.join(directory, "writer.ts");
      const module = new URL("./log-file.ts", import.meta.url).href;
      await writeFile(
        script,
        `import { openLogFile } from ${JSON.stringify(module)};
      const log = await openLogFile({ file: ${JSON.stringify(file)} });
      for (let n = 0; n < 30_000; n += 1) {
        log.write(n + "\\n");
        if (n === 10_000) await new Promise((resolve) => setImmediate(resolve));
      }
      ${end};`,
      );
      await promisify(execFile)(process.execPath, [script]).catch(() => undefined);
      expect(await written()).toEqual(numbers(0, 30_000));
    },
  );

  it("keeps what can't be written until it can, tells of the failure once, and how much it had no room for", async () => {
    await mkdir(path.dirname(file));
    await symlink("/dev/full", file);
    const failures: Error[] = [];
    const log = await openLogFile({ file, onFailure: (error) => failures.push(error) });
    log.write("0\n");
    await waitUntil("it failed", () => failures.length > 0);
    log.write("1\n");
    const large = `${"x".repeat(1024 * 1024)}\n`;
    for (let count = 0; count < 20; count += 1) log.write(large);
    await rm(file);
    await waitUntil("it is written", async () => (await contents()).includes("log.lines_lost"));
    await log.close();
    const lines = (await contents()).trimEnd().split("\n");
    expect(lines.slice(0, 2)).toEqual(["0", "1"]);
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({
      msg: "log.lines_lost",
      lines: 20 - (lines.length - 3),
    });
    expect(failures.map(({ message }) => message)).toEqual([expect.stringContaining("ENOSPC")]);
  });

  it("takes a logger's lines", async () => {
    const destination = await openLogFile({ file });
    const log = createLog({ destination });
    log.info({ tenantId: "tnt_1", password: "hunter2" }, "tenant.made");
    await destination.close();
    expect(JSON.parse(await contents())).toMatchObject({
      level: 30,
      tenantId: "tnt_1",
      password: "[redacted]",
      msg: "tenant.made",
    });
  });
});
