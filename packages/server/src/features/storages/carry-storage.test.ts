import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFsStorageDriver, type StorageDriver } from "../../drivers/storage/index.ts";
import type { StepContext } from "../../infra/workflow/index.ts";
import { newId } from "../../kernel/index.ts";
import { testContext } from "../../testing/driver-context.ts";
import { carryLateFiles, compareStorage, lateUntil } from "./carry-storage.ts";
import { copyStorage } from "./copy-storage.ts";
import type { StoragePlaces } from "./places.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "tenantry-carry-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const context = { ...testContext(), progress: async () => undefined } as unknown as StepContext;

/** A place of files before a move and one after it, each on a disk of its own. */
async function ends(change: Partial<StorageDriver> = {}) {
  const environmentId = newId();
  const drivers = ["old", "new"].map((name) => ({
    ...createFsStorageDriver({ root: path.join(root, environmentId, name) }),
    ...change,
  }));
  const physicalName = drivers[0]!.nameFor(environmentId, "prefix");
  for (const driver of drivers) await driver.provision(testContext(), physicalName, environmentId);
  const all = drivers.map((driver, index) => ({ driver, serverId: ["old", null][index]! }));
  const [from, to] = all.map(({ serverId }) => ({ driver: "fs", serverId, physicalName }));
  const [before, after] = drivers.map((driver) => driver.handle(physicalName));
  const places = { all: async () => all } as unknown as StoragePlaces;
  return { places, from: from!, to: to!, before: before!, after: after! };
}

test("what was put late goes after the tenant; what is younger there stays, and what was deleted there stays away", async () => {
  const { places, before, after, ...between } = await ends();
  for (const key of ["kept", "deleted", "changed"]) await before.put(key, "before");
  await copyStorage(places, context, between);
  const { youngestAt, objects } = await compareStorage(places, context, between);
  expect(objects).toBe(3);
  await after.delete("deleted");
  await before.put("late", "late", { contentType: "text/plain" });
  await before.put("changed", "late");
  await after.put("changed", "younger");
  for (let round = 0; round < 2; round += 1) {
    const carried = await carryLateFiles(places, context, { ...between, youngestAt });
    expect(carried.objects).toBe(round === 0 ? 1 : 0);
  }
  const found = (await after.list()).items.map(({ key }) => key);
  expect(found).toEqual(["changed", "kept", "late"]);
  expect(await text((await after.get("changed")).body)).toBe("younger");
  expect((await after.head("late")).contentType).toBe("text/plain");
});

test("of a place that was empty, everything that is there later was put late", async () => {
  const { places, before, after, ...between } = await ends();
  const { youngestAt } = await compareStorage(places, context, between);
  await before.put("late", "late");
  expect(await carryLateFiles(places, context, { ...between, youngestAt })).toMatchObject({ objects: 1 });
  expect((await after.list()).items).toHaveLength(1);
});

test("a difference between both places is told, and keeps a tenant from going there", async () => {
  const { places, before, after: _, ...between } = await ends();
  await before.put("missing", "x");
  await expect(compareStorage(places, context, between)).rejects.toMatchObject({
    code: "archive_damaged",
    message: expect.stringContaining("missing isn't at the new place."),
  });
});

test("somebody may write late for seconds, and where keys last for a time until they have run out", async () => {
  const closedAt = new Date();
  const secondsAfter = async (change?: Partial<StorageDriver>) => {
    const { places, from: place } = await ends(change);
    return ((await lateUntil(places, context, { place, closedAt })).getTime() - closedAt.getTime()) / 1_000;
  };
  expect(await secondsAfter()).toBe(5);
  const at = {
    driver: "s3",
    endpoint: "http://s3.test",
    region: "us-east-1",
    bucket: "b",
    prefix: "",
  } as const;
  expect(await secondsAfter({ location: () => ({ ...at, temporary: true }) })).toBe(900);
});
