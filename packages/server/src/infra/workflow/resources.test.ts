import { expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { useWorkflowBench } from "../../testing/workflows.ts";
import { sql } from "../db/index.ts";
import { silentLog } from "../log/index.ts";
import { createSweeper, defineWorkflow, type StepContext, type SweptResource } from "./index.ts";

const { registry, bench } = useWorkflowBench();

const box = (physicalName: string) => ({ kind: "box", driver: "test", physicalName });

function oneStep(
  kind: string,
  run: (context: StepContext) => Promise<unknown>,
  undo?: (context: StepContext) => Promise<void>,
) {
  return defineWorkflow({
    kind,
    version: 1,
    attempts: 2,
    steps: [{ name: "make", title: "Make it", run, undo }],
  });
}

async function states(physicalName: string): Promise<string[]> {
  const { rows } = await sql<{ state: string }>`
    select state from resources where physical_name = ${physicalName}
  `.execute(registry.db);
  return rows.map(({ state }) => state);
}

function sweeper(remove: (resource: SweptResource) => Promise<void>) {
  return createSweeper({ db: registry.db, log: silentLog, remove: { "box/test": remove } });
}

test("a thing is known before it is made, present once it stands, and forgotten when it is removed", async () => {
  const seen: string[][] = [];
  const workflow = oneStep("test.resource", async ({ declareResource, resourcePresent, resourceRemoved }) => {
    for (const act of [declareResource, declareResource, resourcePresent, declareResource, resourceRemoved]) {
      await act(box("known"));
      seen.push(await states("known"));
    }
  });
  await bench.worker([workflow]);
  await bench.reaches(await bench.begin(workflow), "succeeded");
  expect(seen).toEqual([["creating"], ["creating"], ["present"], ["present"], []]);
});

test("a step can't be done while it says nothing of what it declared", async () => {
  const workflow = oneStep("test.forgetful", ({ declareResource }) => declareResource(box("forgotten")));
  await bench.worker([workflow]);
  const row = await bench.reaches(await bench.begin(workflow), "failed");
  expect(row.error?.detail).toContain("forgotten");
});

test("what a failed operation left in creation is swept as soon as it ends, and nothing else is", async () => {
  const swept: SweptResource[] = [];
  const guard = sweeper(async (resource) => void swept.push(resource));
  guard.start(registry.notifications);
  const leaving = oneStep("test.leaves", async ({ declareResource }) => {
    await declareResource({ ...box("left"), detail: { size: 3 } });
    throw new Error("half way");
  });
  const keeping = oneStep("test.keeps", async ({ declareResource, resourcePresent }) => {
    await declareResource(box("kept"));
    await resourcePresent(box("kept"));
  });
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const busy = oneStep("test.busy", async ({ declareResource, resourceRemoved }) => {
    await declareResource(box("in the making"));
    await held;
    await resourceRemoved(box("in the making"));
  });
  await bench.worker([leaving, keeping, busy]);
  const environmentId = newId();
  const unfinished = await bench.begin(busy);
  await waitUntil("it is in the making", async () => (await states("in the making")).length > 0);
  await bench.reaches(await bench.begin(keeping), "succeeded");
  await bench.reaches(await bench.begin(leaving, { environmentId }), "failed");
  await waitUntil("it was swept", async () => (await states("left")).length === 0);
  await guard.sweep();
  expect(swept.filter(({ physicalName }) => physicalName !== "forgotten")).toMatchObject([
    { ...box("left"), environmentId, serverId: undefined, detail: { size: 3 } },
  ]);
  expect(await states("kept")).toEqual(["present"]);
  expect(await states("in the making")).toEqual(["creating"]);
  letGo();
  await bench.reaches(unfinished, "succeeded");
  await guard.close();
});

test("what can't be removed stays on record and is tried again by the next sweep", async () => {
  const workflow = oneStep("test.resists", async ({ declareResource }) => {
    await declareResource(box("resisting"));
    throw new Error("half way");
  });
  await bench.worker([workflow]);
  await bench.reaches(await bench.begin(workflow), "failed");
  let locked = true;
  const guard = sweeper(async () => {
    if (locked) throw new Error("in use");
  });
  expect(await guard.sweep()).toEqual({ removed: 0, failed: 1, watched: 0 });
  expect(await states("resisting")).toEqual(["removing"]);
  locked = false;
  expect(await guard.sweep()).toEqual({ removed: 1, failed: 0, watched: 0 });
  expect(await states("resisting")).toEqual([]);
});

async function leave(kind: string, ...names: string[]): Promise<void> {
  const workflow = oneStep(kind, async ({ declareResource }) => {
    for (const name of names) await declareResource(box(name));
    throw new Error("half way");
  });
  await bench.worker([workflow]);
  await bench.reaches(await bench.begin(workflow), "failed");
}

test("of two nodes that sweep at once one removes a thing, and the other leaves it to that one", async () => {
  const names = Array.from({ length: 12 }, (_, number) => `shared ${number}`);
  await leave("test.swept-by-two", ...names);
  const removed: string[] = [];
  const both = [1, 2].map(() =>
    sweeper(async ({ physicalName }) => {
      removed.push(physicalName);
      // Long enough for the other to come by.
      await sql`select pg_sleep(0.02)`.execute(registry.db);
    }),
  );
  const swept = await Promise.all(both.map((one) => one.sweep()));
  expect(removed.sort()).toEqual(names.sort());
  expect(swept.map((one) => one.removed).reduce((sum, count) => sum + count)).toBe(names.length);
  expect(swept.map((one) => one.failed)).toEqual([0, 0]);
});

test("what a sweeper had in hand when it died is removed by the next one", async () => {
  await leave("test.swept-half", "half swept");
  const { promise: begun, resolve: hasBegun } = Promise.withResolvers<void>();
  const { promise: over, resolve: isOver } = Promise.withResolvers<void>();
  const dying = sweeper(() => {
    hasBegun();
    return over;
  });
  const dead = dying.sweep();
  await begun;
  const next = sweeper(async () => undefined);
  expect(await next.sweep()).toEqual({ removed: 0, failed: 0, watched: 0 });
  expect(await states("half swept")).toEqual(["removing"]);
  // With a process its connections end.
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and state = 'idle in transaction'
  `.execute(registry.db);
  await waitUntil("it is removed", async () => (await next.sweep()).removed === 1);
  expect(await states("half swept")).toEqual([]);
  isOver();
  expect(await dead).toMatchObject({ removed: 0 });
});

test("a kind this node has no remover for is left to a node that has one", async () => {
  const workflow = oneStep("test.foreign", async ({ declareResource }) => {
    await declareResource({ ...box("foreign"), driver: "elsewhere" });
    throw new Error("half way");
  });
  await bench.worker([workflow]);
  await bench.reaches(await bench.begin(workflow), "failed");
  expect(await sweeper(async () => undefined).sweep()).toEqual({ removed: 0, failed: 0, watched: 0 });
  expect(await states("foreign")).toEqual(["creating"]);
});

test("a step can't take over what is being swept, nor what stands as another operation's", async () => {
  const make = oneStep("test.collides", async ({ declareResource, resourcePresent, input }) => {
    const name = box((input as { name: string }).name);
    await declareResource(name);
    await resourcePresent(name);
  });
  await bench.worker([make]);
  await bench.reaches(await bench.begin(make, { input: { name: "taken" } }), "succeeded");
  const second = await bench.reaches(await bench.begin(make, { input: { name: "taken" } }), "failed");
  expect(second.error?.code).toBe("busy");
  await sql`update resources set state = 'removing' where physical_name = 'taken'`.execute(registry.db);
  const third = await bench.reaches(await bench.begin(make, { input: { name: "taken" } }), "failed");
  expect(third.error?.code).toBe("busy");
});

test("a common thing that stands is anybody's to declare, unless it is being swept", async () => {
  const make = oneStep("test.shares", async ({ declareResource, resourcePresent }) => {
    await declareResource({ ...box("common"), common: true });
    await resourcePresent(box("common"));
  });
  await bench.worker([make]);
  await bench.reaches(await bench.begin(make), "succeeded");
  await bench.reaches(await bench.begin(make), "succeeded");
  expect(await states("common")).toEqual(["present"]);
  await sql`update resources set state = 'removing' where physical_name = 'common'`.execute(registry.db);
  const refused = await bench.reaches(await bench.begin(make), "failed");
  expect(refused.error?.code).toBe("busy");
});
