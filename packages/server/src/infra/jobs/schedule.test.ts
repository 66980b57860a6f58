import { afterAll, beforeAll, expect, test } from "vitest";
import { fresh } from "../../testing/fresh.ts";
import { type TestPostgres, testPostgres } from "../../testing/postgres.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { sql } from "../db/index.ts";
import { silentLog } from "../log/index.ts";
import { createSchedule } from "./index.ts";

let server: TestPostgres;
let registry: TestRegistry;
beforeAll(async () => {
  server = await testPostgres();
  registry = await testRegistry(server);
});
afterAll(async () => {
  await registry.close();
  await server.stop();
});

test("of several nodes one runs a job each time it is due", async () => {
  const nodes = [1, 2, 3].map(() => createSchedule({ db: registry.db, log: silentLog }));
  let runs = 0;
  const startedAt = performance.now();
  for (const node of nodes)
    node.every("shared", 100, async () => {
      runs += 1;
    });
  await waitUntil("it ran four times", () => runs >= 4);
  await Promise.all(nodes.map((node) => node.close()));
  expect(runs).toBeLessThanOrEqual(1 + (performance.now() - startedAt) / 100);
});

test("a job that fails comes again, and one that isn't due doesn't run", async () => {
  const node = createSchedule({ db: registry.db, log: silentLog });
  let failures = 0;
  let early = 0;
  const later = fresh("later");
  await sql`insert into schedules values (${later}, now() + interval '1 hour')`.execute(registry.db);
  node.every(later, 50, async () => {
    early += 1;
  });
  node.every(fresh("failing"), 50, async () => {
    failures += 1;
    throw new Error("not today");
  });
  await waitUntil("it failed twice", () => failures >= 2);
  await node.close();
  expect(early).toBe(0);
});

test("closing aborts the signal of a job at work and waits for it", async () => {
  const node = createSchedule({ db: registry.db, log: silentLog });
  let state = "not begun";
  node.every(fresh("long"), 60_000, async (signal) => {
    state = "at work";
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    state = "stopped";
  });
  await waitUntil("it works", () => state === "at work");
  await node.close();
  expect(state).toBe("stopped");
});

test("what is to be done once is done by each node at once, and waited for", async () => {
  const nodes = [1, 2].map(() => createSchedule({ db: registry.db, log: silentLog }));
  let runs = 0;
  for (const node of nodes) {
    node.once("failing", () => Promise.reject(new Error("not today")));
    node.once("look", async (signal) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      runs += 1;
    });
  }
  await Promise.all(nodes.map((node) => node.close()));
  expect(runs).toBe(2);
});
