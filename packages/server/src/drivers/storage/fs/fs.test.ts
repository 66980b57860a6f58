import { chmod, chown, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { describeStorageDriver } from "../driver.testsuite.ts";
import { createFsStorageDriver } from "./index.ts";

describeStorageDriver("storage driver fs", async () => {
  const root = await mkdtemp(path.join(tmpdir(), "tenantry-fs-"));
  return {
    driver: createFsStorageDriver({ root: path.join(root, "storage") }),
    endsWriters: true,
    close: () => rm(root, { recursive: true, force: true }),
  };
});

describe("directories of environments", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), "tenantry-fs-"));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function provisioned(ownerOf?: (environmentId: string) => Promise<number | undefined>) {
    const driver = createFsStorageDriver({ root: path.join(root, "storage"), ownerOf });
    const environmentId = newId();
    const name = driver.nameFor(environmentId, "prefix");
    await driver.provision(testContext(), name, environmentId);
    return { driver, environmentId, name, directory: path.join(root, "storage", name) };
  }

  test("are closed to others, below one that shows nobody what is in it", async () => {
    const { driver, name, directory } = await provisioned();
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(path.dirname(directory))).mode & 0o777).toBe(0o711);
    expect(driver.location(name)).toEqual({ driver: "fs", directory });
  });

  test("belong to the application's user, with everything that we put in, where we are root", async () => {
    const umask = process.umask(0o077);
    const given = provisioned(async () => 70_123).finally(() => process.umask(umask));
    if (process.geteuid?.() !== 0) return expect(given).rejects.toThrow(/only root can/);
    const { driver, environmentId, name, directory } = await given;
    await driver.handle(name).put("a/b", "x", { contentType: "text/plain" });
    for (const entry of await readdir(directory, { recursive: true })) {
      expect({ entry, uid: (await stat(path.join(directory, entry))).uid }).toEqual({ entry, uid: 70_123 });
    }
    expect((await stat(path.dirname(directory))).mode & 0o777).toBe(0o711);
    expect(await driver.verify(name, environmentId)).toEqual([]);
    await driver.provision(testContext(), name, environmentId);
    expect((await stat(directory)).uid).toBe(70_123);
  });

  test("let their application's user in no more when they are closed, keep what is in them, and let it in again", async () => {
    const owner = process.geteuid?.() === 0 ? 70_123 : undefined;
    const { driver, environmentId, name, directory } = await provisioned(async () => owner);
    await driver.handle(name).put("a/b", "x");
    const { signal } = new AbortController();
    for (let round = 0; round < 2; round += 1) await driver.admit!(name, false, { signal });
    expect((await stat(directory)).uid).toBe(process.getuid!());
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(await text((await driver.handle(name).get("a/b")).body)).toBe("x");
    await driver.admit!(name, true, { signal });
    expect((await stat(directory)).uid).toBe(owner ?? process.getuid!());
    expect(await driver.verify(name, environmentId)).toEqual([]);
  });

  test("that were tampered with are reported in sentences, and made right by making them again", async () => {
    const { driver, environmentId, name, directory } = await provisioned();
    await chmod(directory, 0o755);
    expect(await driver.verify(name, environmentId)).toEqual([`${directory} is open to other users.`]);
    await driver.provision(testContext(), name, environmentId);
    expect(await driver.verify(name, environmentId)).toEqual([]);
    if (process.geteuid?.() === 0) {
      await chown(directory, 70_123, 70_123);
      expect((await driver.verify(name, environmentId))[0]).toMatch(/belongs to the user 70123/);
    }
    await rm(directory, { recursive: true });
    await writeFile(directory, "a file in its place");
    expect(await driver.verify(name, environmentId)).toEqual([`${directory} is no directory.`]);
    await expect(driver.provision(testContext(), name, environmentId)).rejects.toThrow();
    await driver.remove(testContext(), name);
    expect(await driver.list()).toEqual([]);
  });

  test("replaced by a symlink give nothing away and are removed without following it", async () => {
    const mine = await provisioned();
    const theirs = await provisioned();
    await theirs.driver.handle(theirs.name).put("secret", "theirs");
    await rm(mine.directory, { recursive: true });
    await symlink(theirs.directory, mine.directory);
    await expect(mine.driver.handle(mine.name).get("secret")).rejects.toMatchObject({
      name: "StorageUnavailable",
    });
    await expect(mine.driver.provision(testContext(), mine.name, mine.environmentId)).rejects.toThrow();
    await mine.driver.remove(testContext(), mine.name);
    expect(await theirs.driver.measure(theirs.name)).toEqual({ bytes: 6, objects: 1 });
  });

  test("half-removed count as standing, and what isn't ours isn't listed", async () => {
    const { driver, name, directory } = await provisioned();
    await writeFile(path.join(root, "storage", "README"), "not ours");
    await writeFile(path.join(root, "storage", "lost+found"), "not ours");
    expect(await driver.list()).toEqual([name]);
    await rename(directory, `${directory}.removing`);
    expect(await driver.list()).toEqual([name]);
    await driver.remove(testContext(), name);
    expect(await driver.list()).toEqual([]);
    expect((await readdir(path.join(root, "storage"))).toSorted()).toEqual(["README", "lost+found"]);
  });

  test("can be removed where none was ever made", async () => {
    const driver = createFsStorageDriver({ root: path.join(root, "nowhere") });
    await driver.remove(testContext(), driver.nameFor(newId(), "prefix"));
    expect(await driver.list()).toEqual([]);
    expect(await readdir(root)).toEqual([]);
  });
});
