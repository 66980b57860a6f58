import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runningProcess } from "./data-dir.ts";

let directory: string;
let lock: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-data-dir-"));
  lock = path.join(directory, "lock");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const holder = (host = hostname()) => JSON.stringify({ pid: process.pid, host });

/** Holds the lock while `work` is done. */
async function whileLocked(work: () => Promise<void>): Promise<void> {
  const child = spawn("flock", ["--exclusive", lock, "sh", "-c", "echo locked; read -r line"]);
  await once(child.stdout, "data");
  try {
    await work();
  } finally {
    child.stdin.end("go\n");
    await once(child, "close");
  }
}

describe("the process that runs on a data directory", () => {
  it("is the one that the lock names, while it is held", async () => {
    await writeFile(lock, holder());
    await whileLocked(async () => expect(await runningProcess(directory)).toBe(process.pid));
  });

  it("is none once the lock is free, though a process of that number lives: it may be a stranger", async () => {
    await writeFile(lock, holder());
    expect(await runningProcess(directory)).toBeUndefined();
  });

  it("is none where nothing ever ran", async () => {
    expect(await runningProcess(path.join(directory, "none"))).toBeUndefined();
    await writeFile(lock, "");
    expect(await runningProcess(directory)).toBeUndefined();
  });

  it("isn't stopped from another machine", async () => {
    await writeFile(lock, holder("elsewhere"));
    await whileLocked(() => expect(runningProcess(directory)).rejects.toThrow("another machine, elsewhere"));
  });
});
