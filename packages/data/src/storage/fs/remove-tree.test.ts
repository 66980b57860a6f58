import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openFsStorage, removeFsStorage } from "./index.ts";

let outside: string;
let directory: string;

beforeEach(async () => {
  outside = await mkdtemp(path.join(tmpdir(), "tenantry-removal-"));
  directory = path.join(outside, "tenant");
  await mkdir(directory);
  await mkdir(path.join(outside, "other"));
  await writeFile(path.join(outside, "other/kept.txt"), "another tenant's");
});

afterEach(() => rm(outside, { recursive: true, force: true }));

async function expectOnlyTheOther(): Promise<void> {
  expect(await readdir(outside)).toEqual(["other"]);
  expect(await readFile(path.join(outside, "other/kept.txt"), "utf8")).toBe("another tenant's");
}

describe("removing an environment's files", () => {
  it("removes all of them, whatever they are called and however many", async () => {
    const storage = openFsStorage(directory);
    await Promise.all(
      Array.from({ length: 80 }, (_, number) => storage.put(`a/${number % 7}/${number}`, "x")),
    );
    await writeFile(
      Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff, 0xfe, 0x5c])]),
      "not UTF-8",
    );
    await writeFile(path.join(directory, "line\nbreak"), "x");
    await removeFsStorage(directory);
    await expectOnlyTheOther();
  });

  it("is done when it is gone already, and can be repeated", async () => {
    await removeFsStorage(directory);
    await removeFsStorage(directory);
    await expectOnlyTheOther();
  });

  it("removes symlinks without following them, also in the directory's own place", async () => {
    await symlink(path.join(outside, "other"), path.join(directory, "link"));
    await symlink("/", path.join(directory, "root"));
    await symlink("nowhere", path.join(directory, "broken"));
    await removeFsStorage(directory);
    await symlink(path.join(outside, "other"), directory);
    await removeFsStorage(directory);
    await expectOnlyTheOther();
  });

  it("needs no more open files for a tree hundreds of levels deep", async () => {
    let top = path.join(outside, "deep");
    await mkdir(top);
    for (let depth = 0; depth < 600; depth += 1) {
      // Put what there is into a new directory: no path in this ever gets long.
      const above = path.join(outside, `deep${depth}`);
      await mkdir(above);
      await rename(top, path.join(above, "d"));
      top = above;
    }
    await rename(top, path.join(directory, "deep"));
    await removeFsStorage(directory);
    await expectOnlyTheOther();
  });

  it("goes on until nothing is left while others write", async () => {
    const storage = openFsStorage(directory);
    let writing = true;
    let written = 0;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      while (writing) {
        const put = storage.put(`a/${writer}/${written % 50}`, "x");
        written += await put.then(
          () => 1,
          () => 0,
        );
      }
    });
    while (written < 50) await readdir(directory);
    try {
      await Promise.all([removeFsStorage(directory), removeFsStorage(directory)]);
    } finally {
      writing = false;
      await Promise.all(writers);
    }
    await expectOnlyTheOther();
  });

  it("isn't led outside by directories that become symlinks meanwhile", async () => {
    const real = path.join(directory, "swap");
    const aside = path.join(directory, "aside");
    for (let round = 0; round < 20; round += 1) {
      await mkdir(real, { recursive: true });
      for (let number = 0; number < 20; number += 1) await writeFile(path.join(real, String(number)), "x");
      let swapping = true;
      const swapper = (async () => {
        while (swapping) {
          await rename(real, aside).catch(() => undefined);
          await symlink(path.join(outside, "other"), real).catch(() => undefined);
          await rm(real).catch(() => undefined);
          await rename(aside, real).catch(() => undefined);
        }
      })();
      await removeFsStorage(directory);
      swapping = false;
      await swapper;
      await expectOnlyTheOther();
    }
  });

  it("removes directories whose rights were taken away", async () => {
    const asRoot = process.geteuid?.() === 0;
    const locked = path.join(directory, "locked/inner");
    // Root may do anything: as another user the rights count.
    if (asRoot) {
      await chmod(outside, 0o777);
      await chmod(path.join(outside, "other"), 0o755);
      await chmod(directory, 0o777);
      process.seteuid?.(65_534);
    }
    try {
      await mkdir(path.join(locked, "leaf"), { recursive: true });
      await writeFile(path.join(locked, "file"), "x");
      await chmod(locked, 0);
      await chmod(path.dirname(locked), 0);
      await removeFsStorage(directory);
    } finally {
      if (asRoot) process.seteuid?.(0);
    }
    await expectOnlyTheOther();
  });

  it("stops when it is told to", async () => {
    await openFsStorage(directory).put("a", "x");
    const signal = AbortSignal.abort(new Error("shutting down"));
    await expect(removeFsStorage(directory, { signal })).rejects.toThrow("shutting down");
    expect(await readdir(directory)).toContain("a");
  });

  it("takes up a removal that was cut short", async () => {
    await openFsStorage(directory).put("a", "x");
    await rename(directory, `${directory}.removing`);
    await mkdir(directory);
    await openFsStorage(directory).put("b", "x");
    await removeFsStorage(directory);
    await expectOnlyTheOther();
  });
});
