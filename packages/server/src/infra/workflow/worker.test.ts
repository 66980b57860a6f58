import { expect, test } from "vitest";
import { failure } from "../../kernel/index.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { aborted, threeSteps, useWorkflowBench } from "../../testing/workflows.ts";
import { inTransaction, sql } from "../db/index.ts";
import { defineWorkflow, startOperation } from "./index.ts";

const { registry, bench } = useWorkflowBench();

test("steps run in order, each sees the results before it, and the last word is in the end's transaction", async () => {
  const seen: unknown[] = [];
  const workflow = defineWorkflow<{ name: string }>({
    kind: "test.happy",
    version: 1,
    steps: [
      { name: "first", title: "First", run: async ({ input }) => ({ hello: input.name, at: new Date(0) }) },
      { name: "second", title: "Second", run: async ({ results }) => void seen.push(results) },
    ],
    async ended(tx, outcome) {
      await sql`
        insert into settings (scope, key, value) values ('platform', ${`ended ${outcome.operationId}`}, ${JSON.stringify(outcome)}::jsonb)
      `.execute(tx);
    },
  });
  await bench.worker([workflow]);
  const id = await bench.begin(workflow, { input: { name: "you" } });
  expect(await bench.reaches(id, "succeeded")).toMatchObject({ progress: 1, error: null, leaseHolder: null });
  expect(seen).toEqual([{ first: { hello: "you", at: "1970-01-01T00:00:00.000Z" } }]);
  const { rows } = await sql<{ value: unknown }>`
    select value from settings where key = ${`ended ${id}`}
  `.execute(registry.db);
  expect(rows[0]?.value).toMatchObject({ operationId: id, status: "succeeded", input: { name: "you" } });
});

test("an operation whose transaction rolls back was never there", async () => {
  const { workflow, acts } = threeSteps("test.rolled-back");
  await bench.worker([workflow]);
  let id = "";
  const rolledBack = inTransaction(registry.db, async (tx) => {
    id = await startOperation(tx, { workflow, input: {} });
    throw new Error("no");
  });
  await expect(rolledBack).rejects.toThrow("no");
  await bench.reaches(await bench.begin(workflow), "succeeded");
  expect(acts).toEqual(["one", "two", "three"]);
  expect(await bench.operation(id)).toBeUndefined();
});

test("a step that fails is tried again after a pause, and its attempts are counted", async () => {
  let failures = 0;
  const { workflow, acts } = threeSteps("test.retried", (name) => {
    if (name === "two" && ++failures < 3) throw new Error("not yet");
  });
  await bench.worker([workflow]);
  const id = await bench.begin(workflow);
  await bench.reaches(id, "succeeded");
  expect(acts).toEqual(["one", "two", "two", "two", "three"]);
  expect(await bench.attempts(id)).toEqual([1, 3, 1]);
});

test("after the last attempt what was done is undone backwards, the failed step included", async () => {
  const { workflow, acts, ends } = threeSteps(
    "test.undone",
    (name) => {
      if (name === "two") throw new Error("never");
    },
    { attempts: 2 },
  );
  await bench.worker([workflow]);
  const id = await bench.begin(workflow);
  const row = await bench.reaches(id, "failed");
  expect(acts).toEqual(["one", "two", "two", "undo two", "undo one"]);
  expect(row.error).toMatchObject({ code: "operation_failed", detail: "never" });
  expect(await bench.steps(id)).toEqual(["undone", "undone", "pending"]);
  expect(ends).toMatchObject([{ status: "failed", error: { detail: "never" } }]);
});

test("a refusal of the catalogue isn't tried again, and its code is kept", async () => {
  const { workflow, acts } = threeSteps("test.refused", (name) => {
    if (name === "one") throw failure("migration_failed", { detail: "0002.sql, line 3" });
  });
  await bench.worker([workflow]);
  const row = await bench.reaches(await bench.begin(workflow), "failed");
  expect(acts).toEqual(["one", "undo one"]);
  expect(row.error).toMatchObject({ code: "migration_failed", detail: "0002.sql, line 3" });
});

test("a waiting step frees its worker, runs again when it is time, and no attempt is counted", async () => {
  const pauses: Date[] = [];
  const { workflow } = threeSteps("test.waits", (name) => {
    if (name !== "two" || pauses.length === 2) return undefined;
    pauses.push(new Date());
    return { waitUntil: new Date(Date.now() + 150), message: "Waiting for the neighbours" };
  });
  const { workflow: other } = threeSteps("test.meanwhile");
  await bench.worker([workflow, other], { concurrency: 1 });
  const id = await bench.begin(workflow);
  const waiting = await bench.reaches(id, "waiting");
  expect(waiting).toMatchObject({ message: "Waiting for the neighbours", leaseHolder: null });
  await bench.reaches(await bench.begin(other), "succeeded");
  await bench.reaches(id, "succeeded");
  expect(await bench.attempts(id)).toEqual([1, 1, 1]);
  expect(pauses[1]!.getTime() - pauses[0]!.getTime()).toBeGreaterThanOrEqual(150);
});

test("an operation for later starts waiting and is taken up when it is due", async () => {
  const { workflow, acts } = threeSteps("test.later");
  await bench.worker([workflow]);
  const due = new Date(Date.now() + 300);
  const id = await bench.begin(workflow, { waitUntil: due });
  expect((await bench.operation(id)).status).toBe("waiting");
  expect(acts).toEqual([]);
  await bench.reaches(id, "succeeded");
  expect(Date.now()).toBeGreaterThanOrEqual(due.getTime());
});

test("a version nobody knows is left alone, and taken up by the first worker that knows it", async () => {
  const { workflow: old } = threeSteps("test.version");
  const { workflow: other } = threeSteps("test.version-other");
  const next = { ...old, version: 2 };
  await bench.worker([old, other]);
  const id = await bench.begin(next);
  await bench.reaches(await bench.begin(other), "succeeded");
  expect(await bench.operation(id)).toMatchObject({ status: "queued", fence: 0 });
  await bench.worker([next]);
  await bench.reaches(id, "succeeded");
});

test("two workers share the work, and each step takes effect once", async () => {
  const counts = new Map<string, number>();
  const workflow = defineWorkflow<{ n: number }>({
    kind: "test.shared",
    version: 1,
    steps: ["one", "two"].map((name) => ({
      name,
      title: name,
      async run({ input, transaction }) {
        const key = `${input.n} ${name}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
        await transaction(async () => undefined);
      },
    })),
  });
  await bench.worker([workflow], { concurrency: 3 });
  await bench.worker([workflow], { concurrency: 3 });
  const ids = await Promise.all(
    Array.from({ length: 60 }, (_, n) => bench.begin(workflow, { input: { n } })),
  );
  for (const id of ids) expect(await bench.reaches(id, "succeeded")).toMatchObject({ fence: 1 });
  expect(counts.size).toBe(120);
  expect(new Set(counts.values())).toEqual(new Set([1]));
});

test("progress counts steps and their fractions, and never says less at the end of a step", async () => {
  const seen: number[] = [];
  const workflow = defineWorkflow({
    kind: "test.progress",
    version: 1,
    steps: [
      {
        name: "copy",
        title: "Copy",
        async run({ progress, operationId }) {
          await progress(0.5, "Half of it");
          seen.push((await bench.operation(operationId)).progress);
          for (let part = 50; part < 100; part += 1) await progress(part / 100);
        },
      },
      {
        name: "rest",
        title: "The rest",
        run: async ({ operationId }) => void seen.push((await bench.operation(operationId)).progress),
      },
    ],
  });
  await bench.worker([workflow]);
  await bench.reaches(await bench.begin(workflow), "succeeded");
  expect(seen).toEqual([0.25, 0.5]);
});

test("a drained worker finishes the step at hand, and another goes on with the next", async () => {
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const { workflow, acts } = threeSteps("test.drained", (name) => (name === "one" ? held : undefined));
  const leaving = await bench.worker([workflow]);
  const id = await bench.begin(workflow);
  await waitUntil("the first step runs", () => acts.includes("one"));
  const drained = leaving.drain({ timeoutMs: 10_000 });
  letGo();
  await drained;
  expect(await bench.operation(id)).toMatchObject({ status: "running", leaseHolder: null });
  expect(await bench.steps(id)).toEqual(["done", "pending", "pending"]);
  await bench.worker([workflow]);
  await bench.reaches(id, "succeeded");
  expect(acts).toEqual(["one", "two", "three"]);
});

test("a worker that closes aborts its step without counting the attempt, and another does it", async () => {
  let first = true;
  const { workflow, acts } = threeSteps("test.closed", (name, signal) => {
    if (name !== "two" || !first) return undefined;
    first = false;
    return aborted(signal);
  });
  const leaving = await bench.worker([workflow]);
  const id = await bench.begin(workflow);
  await waitUntil("the second step runs", () => acts.includes("two"));
  await leaving.close();
  await bench.worker([workflow]);
  await bench.reaches(id, "succeeded");
  expect(await bench.attempts(id)).toEqual([1, 1, 1]);
});

test("an end whose last word fails is not an end", async () => {
  let broken = true;
  const { workflow, acts } = threeSteps("test.end-fails", undefined, {
    async ended() {
      if (broken) throw new Error("the tenant is locked");
    },
  });
  await bench.worker([workflow]);
  const id = await bench.begin(workflow);
  const row = await waitUntil("the end failed", async () => {
    const operation = await bench.operation(id);
    return operation.waitUntil && operation;
  });
  expect(row).toMatchObject({ status: "running", message: expect.stringContaining("the tenant is locked") });
  broken = false;
  await sql`update operations set wait_until = now() where id = ${id}`.execute(registry.db);
  await bench.reaches(id, "succeeded");
  expect(acts).toEqual(["one", "two", "three", "three"]);
});
