import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockDataDir } from "./index.ts";

let directory: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "tenantry lock ü-"));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(directory, { recursive: true, force: true });
});

/** Another process that holds the lock; it says so on its first line, and has a child that outlives it for a while. */
async function holder(): Promise<ChildProcess> {
  const script = `
    import { spawn } from "node:child_process";
    const { lockDataDir } = await import(${JSON.stringify(new URL("./index.ts", import.meta.url).href)});
    await lockDataDir(process.argv[1]);
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    console.log(child.pid);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [grandchild] = await once(createInterface(child.stdout), "line");
  children.push({ kill: () => process.kill(Number(grandchild), "SIGKILL") } as unknown as ChildProcess);
  return child;
}

test("a second process is refused, and told which process holds the directory", async () => {
  const other = await holder();
  await expect(lockDataDir(directory)).rejects.toMatchObject({
    code: "data_dir_in_use",
    pid: other.pid,
    message: expect.stringContaining(`in use by process ${other.pid}`),
  });
});

test("kill -9 of the holder frees the directory, even while its children live on", async () => {
  const other = await holder();
  other.kill("SIGKILL");
  await once(other, "exit");
  const lock = await lockDataDir(directory);
  lock.release();
});

test("of many that ask at once exactly one gets the directory", async () => {
  const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => lockDataDir(directory)));
  const winners = outcomes.filter((outcome) => outcome.status === "fulfilled");
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(winners).toHaveLength(1);
  expect(refused.map(({ reason }) => [reason.code, reason.pid])).toEqual(
    Array(11).fill(["data_dir_in_use", process.pid]),
  );
  winners[0]?.value.release();
});

test("release can be repeated and frees the directory for the next, in the same process too", async () => {
  const first = await lockDataDir(directory);
  first.release();
  const second = await lockDataDir(directory);
  first.release();
  await expect(lockDataDir(directory)).rejects.toMatchObject({ code: "data_dir_in_use" });
  second.release();
});

test("the lock file is the owner's alone", async () => {
  const lock = await lockDataDir(directory);
  expect((await stat(path.join(directory, "lock"))).mode & 0o777).toBe(0o600);
  lock.release();
});

test("a directory that isn't there is refused with a sentence", async () => {
  await chmod(directory, 0o500);
  await expect(lockDataDir(path.join(directory, "missing"))).rejects.toMatchObject({
    code: "data_dir_unusable",
    message: expect.stringContaining("can't be written (ENOENT)"),
  });
});
