import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadMasterKey } from "./index.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), "tenantry-master-key-"));
});
afterEach(async () => rm(dataDir, { recursive: true }));

describe("the master key", () => {
  it("is made once, readable by its owner alone, and stays", async () => {
    const made = await loadMasterKey({ dataDir, create: true });
    expect(made.length).toBe(32);
    expect((await stat(path.join(dataDir, "master.key"))).mode & 0o777).toBe(0o600);
    expect((await loadMasterKey({ dataDir, create: true })).equals(made)).toBe(true);
    expect(await readdir(dataDir)).toEqual(["master.key"]);
  });

  it("is the same for everyone when many make it at once", async () => {
    const keys = await Promise.all(
      Array.from({ length: 20 }, () => loadMasterKey({ dataDir, create: true })),
    );
    expect(new Set(keys.map((key) => key.toString("hex"))).size).toBe(1);
    expect(await readdir(dataDir)).toEqual(["master.key"]);
  });

  it("isn't made for a node that must have it already", async () => {
    await expect(loadMasterKey({ dataDir })).rejects.toThrow(
      `The master key ${dataDir}/master.key can't be read: it isn't there.`,
    );
    expect(await readdir(dataDir)).toEqual([]);
  });

  it.each([0o640, 0o604, 0o660])("is refused when others could read it (mode %o)", async (mode) => {
    await loadMasterKey({ dataDir, create: true });
    await chmod(path.join(dataDir, "master.key"), mode);
    await expect(loadMasterKey({ dataDir })).rejects.toThrow("run chmod 600");
  });

  it.each(["", "short", "A".repeat(100), "not base64!".repeat(4)])(
    "is refused when it holds %j",
    async (text) => {
      const masterKeyFile = path.join(dataDir, "other.key");
      await writeFile(masterKeyFile, text, { mode: 0o600 });
      await expect(loadMasterKey({ dataDir, masterKeyFile })).rejects.toThrow("isn't 32 bytes in base64");
    },
  );

  it("is refused when a directory stands in its place", async () => {
    await expect(loadMasterKey({ dataDir, masterKeyFile: dataDir })).rejects.toThrow("isn't a file");
  });
});
