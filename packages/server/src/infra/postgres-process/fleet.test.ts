import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isDead, query, startInChild } from "../../testing/embedded-postgres.ts";
import { type TestFleet, testFleet } from "../../testing/fleet.ts";
import { waitUntil } from "../../testing/wait-until.ts";

let fleet: TestFleet;
let name: string;
let url: string;
beforeAll(async () => {
  fleet = await testFleet();
  name = "one";
  ({ url } = await fleet.start(name, { make: true }));
});
afterAll(() => fleet.close());

const pid = async () => (await fleet.pidOf(name))!;

test("a server is small, has a password and a directory of its own, and is started once however many ask", async () => {
  const asked = await Promise.all([1, 2, 3].map(() => fleet.start(name, { make: true })));
  expect(asked.map((server) => server.url)).toEqual([url, url, url]);
  expect(await query(url, "show shared_buffers")).toEqual([{ shared_buffers: "16MB" }]);
  expect(await fleet.list()).toContain(name);
  await expect(query(url.replace(/:[^:@]+@/, ":wrong@"), "select 1")).rejects.toMatchObject({
    code: "28P01",
  });
});

test("one that is killed is back at its place, with what was committed", async () => {
  const before = await pid();
  await query(url, "create table if not exists kept as select 1 as one");
  process.kill(before, "SIGKILL");
  const rows = await waitUntil("it answers again", () =>
    query(url, "select one from kept").catch(() => undefined),
  );
  expect(rows).toEqual([{ one: 1 }]);
  expect(await pid()).not.toBe(before);
});

test("one whose files are gone isn't started as an empty one", async () => {
  await expect(fleet.start("never")).rejects.toMatchObject({ code: "data_dir_unusable" });
  expect(await fleet.list()).not.toContain("never");
});

test("servers that are stopped come up again; nothing starts on a fleet that was stopped", async () => {
  const other = await testFleet();
  try {
    const made = await other.start(name, { make: true });
    await query(made.url, "create table kept as select 1 as one");
    const process = (await other.pidOf(name))!;
    await other.stop();
    expect(await isDead(process)).toBe(true);
    await expect(other.start(name)).rejects.toThrow("stopping");
    const next = other.again();
    expect((await next.start(name)).url).toBe(made.url);
    expect(await query(made.url, "select one from kept")).toEqual([{ one: 1 }]);

    const running = (await other.pidOf(name))!;
    const file = path.join(other.directory, name);
    for (let time = 0; time < 2; time += 1) await next.remove(name);
    expect(await isDead(running)).toBe(true);
    expect(existsSync(file)).toBe(false);
  } finally {
    await other.close();
  }
});

test("one that is removed while it is being made leaves neither process nor file", async () => {
  const starting = fleet.start("hasty", { make: true });
  const failed = expect(starting).rejects.toThrow("being removed");
  await waitUntil("its directory is there", async () => (await fleet.list()).includes("hasty"));
  await fleet.remove("hasty");
  await failed;
  expect(await fleet.list()).not.toContain("hasty");
  expect(await fleet.pidOf("hasty")).toBeUndefined();
});

test("what a killed node left of a server, running and half removed, is removed by the next", async () => {
  const orphan = await startInChild(path.join(fleet.directory, "orphan"));
  await orphan.kill();
  expect(await isDead(orphan.postgres.pid)).toBe(false);
  await rm(path.join(fleet.directory, "orphan", "password"));
  await fleet.remove("orphan");
  expect(await isDead(orphan.postgres.pid)).toBe(true);
  expect(await fleet.list()).not.toContain("orphan");
});
