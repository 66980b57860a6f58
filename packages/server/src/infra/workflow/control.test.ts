import { expect, test } from "vitest";
import { newId, showId } from "../../kernel/index.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { aborted, threeSteps, useWorkflowBench } from "../../testing/workflows.ts";
import { inTransaction } from "../db/index.ts";
import {
  abandonOperation,
  cancelOperation,
  defineWorkflow,
  hastenOperation,
  retryOperation,
  type StepContext,
  selectOpenOperation,
  startOperation,
  step,
} from "./index.ts";

const { registry, bench } = useWorkflowBench();

const cancel = (id: string) => inTransaction(registry.db, (tx) => cancelOperation(tx, id));
const retry = (id: string) => inTransaction(registry.db, (tx) => retryOperation(tx, id));

test("a failed operation can be retried, and then goes from its first step to success", async () => {
  let broken = true;
  const { workflow, acts, ends } = threeSteps(
    "test.failed-retried",
    (name) => {
      if (name === "two" && broken) throw new Error("broken");
    },
    { attempts: 1 },
  );
  await bench.worker([workflow]);
  const id = await bench.begin(workflow);
  await bench.reaches(id, "failed");
  broken = false;
  acts.length = 0;
  await retry(id);
  await bench.reaches(id, "succeeded");
  expect(acts).toEqual(["one", "two", "three"]);
  expect(ends.map(({ status }) => status)).toEqual(["failed", "succeeded"]);
});

test("a step with nothing to take back says how it ended, and a failed operation begins anew when retried", async () => {
  const acts: string[] = [];
  let broken = true;
  const run = (name: string) => async () => {
    acts.push(name);
    if (name === "three" && broken) throw new Error("broken");
  };
  const workflow = defineWorkflow({
    ...{ kind: "test.stays", version: 1, attempts: 1 },
    steps: [
      step("one", { title: "One", run: run("one") }),
      step("two", { title: "Two", run: run("two"), undo: async () => void acts.push("undo two") }),
      step("three", { title: "Three", run: run("three") }),
    ],
  });
  await bench.worker([workflow]);
  const id = await bench.begin(workflow);
  await bench.reaches(id, "failed");
  expect(await bench.steps(id)).toEqual(["done", "undone", "failed"]);
  broken = false;
  await retry(id);
  await bench.reaches(id, "succeeded");
  expect(acts).toEqual(["one", "two", "three", "undo two", "one", "two", "three"]);
});

test("with onFailure stop it stays where it is, goes on forward when retried, and back when cancelled", async () => {
  let broken = true;
  const { workflow, acts, ends } = threeSteps(
    "test.stops",
    (name) => {
      if (name === "two" && broken) throw new Error("broken");
    },
    { attempts: 1, onFailure: "stop" },
  );
  await bench.worker([workflow]);
  const [id, other] = [await bench.begin(workflow), await bench.begin(workflow)];
  await bench.reaches(id, "needs_operator");
  await bench.reaches(other, "needs_operator");
  expect(ends).toEqual([]);
  broken = false;
  acts.length = 0;
  await retry(id);
  await bench.reaches(id, "succeeded");
  expect(acts).toEqual(["two", "three"]);
  acts.length = 0;
  await cancel(other);
  await bench.reaches(other, "cancelled");
  expect(acts).toEqual(["undo two", "undo one"]);
});

test("cancelling aborts the step at hand and undoes what was done", async () => {
  const { workflow, acts, ends } = threeSteps("test.cancelled", (name, signal) =>
    name === "two" ? aborted(signal) : undefined,
  );
  await bench.worker([workflow]);
  const id = await bench.begin(workflow);
  await waitUntil("the second step runs", () => acts.includes("two"));
  await cancel(id);
  await bench.reaches(id, "cancelled");
  expect(acts).toEqual(["one", "two", "undo two", "undo one"]);
  expect(ends).toMatchObject([{ status: "cancelled", error: undefined }]);
});

test("a step that finishes in spite of the cancelling is undone with the others", async () => {
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const { workflow, acts } = threeSteps("test.cancelled-late", (name) =>
    name === "three" ? held : undefined,
  );
  await bench.worker([workflow]);
  const id = await bench.begin(workflow);
  await waitUntil("the last step runs", () => acts.includes("three"));
  await cancel(id);
  release();
  await bench.reaches(id, "cancelled");
  expect(acts).toEqual(["one", "two", "three", "undo three", "undo two", "undo one"]);
});

test("cancelled before anyone took it up, it ends with its last word and no step", async () => {
  const { workflow, acts, ends } = threeSteps("test.cancelled-early");
  const id = await bench.begin(workflow);
  await cancel(id);
  await bench.worker([workflow]);
  await bench.reaches(id, "cancelled");
  expect([acts, ends.length]).toEqual([[], 1]);
});

test("what has ended can't be cancelled, and what runs can't be retried", async () => {
  const { workflow } = threeSteps("test.illegal");
  const id = await bench.begin(workflow);
  await expect(retry(id)).rejects.toMatchObject({ code: "illegal_transition" });
  await bench.worker([workflow]);
  await bench.reaches(id, "succeeded");
  await expect(cancel(id)).rejects.toMatchObject({ code: "illegal_transition" });
  await expect(retry(id)).rejects.toMatchObject({ code: "illegal_transition" });
  await expect(cancel(newId())).rejects.toMatchObject({ code: "operation_not_found" });
});

test("of two exclusive operations started at once on one environment one wins, and the other is told its id", async () => {
  const { workflow } = threeSteps("test.exclusive");
  const environmentId = newId();
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, () => bench.begin(workflow, { environmentId })),
  );
  const winners = outcomes.filter((outcome) => outcome.status === "fulfilled");
  expect(winners).toHaveLength(1);
  const winner = winners[0]!.value;
  for (const outcome of outcomes)
    if (outcome.status === "rejected")
      expect(outcome.reason).toMatchObject({
        code: "operation_in_progress",
        details: { extra: { operationId: showId("op", winner) } },
      });
  await bench.begin(workflow, { environmentId, exclusive: false });
  await bench.worker([workflow]);
  await bench.reaches(winner, "succeeded");
  await bench.begin(workflow, { environmentId });
});

test("a failed operation can't be retried while another has its environment", async () => {
  const environmentId = newId();
  const failing = threeSteps("test.exclusive-retry", () => Promise.reject(new Error("never")), {
    attempts: 1,
  });
  const idle = threeSteps("test.exclusive-idle");
  await bench.worker([
    { ...failing.workflow, steps: failing.workflow.steps.map(({ undo: _, ...step }) => step) },
  ]);
  const failed = await bench.begin(failing.workflow, { environmentId });
  await bench.reaches(failed, "failed");
  const other = await bench.begin(idle.workflow, { environmentId });
  await expect(retry(failed)).rejects.toMatchObject({
    code: "operation_in_progress",
    details: { extra: { operationId: showId("op", other) } },
  });
  expect((await bench.operation(failed)).status).toBe("failed");
});

test("who comes after an operation that got stuck is told how it goes on, not to wait for it", async () => {
  const environmentId = newId();
  const workflow = defineWorkflow({
    ...{ kind: "test.stuck", version: 1, attempts: 1, onFailure: "stop" as const },
    steps: [step("only", { title: "Only", run: () => Promise.reject(new Error("never")) })],
  });
  await bench.worker([workflow]);
  const stuck = await bench.begin(workflow, { environmentId });
  await bench.reaches(stuck, "needs_operator");
  await expect(bench.begin(workflow, { environmentId })).rejects.toMatchObject({
    code: "operation_in_progress",
    remedy: expect.stringContaining(`tenantry operation retry ${showId("op", stuck)}`),
  });
});

test("past its point of no return an operation can't be cancelled, and before it can", async () => {
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const { workflow, acts } = threeSteps("test.no-return", (name) => (name === "two" ? held : undefined), {
    pointOfNoReturn: "two",
  });
  const early = await bench.begin(workflow);
  await cancel(early);
  await bench.worker([workflow]);
  await bench.reaches(early, "cancelled");
  const late = await bench.begin(workflow);
  await waitUntil("the second step runs", () => acts.includes("two"));
  await expect(cancel(late)).rejects.toMatchObject({ code: "illegal_transition" });
  letGo();
  await bench.reaches(late, "succeeded");
});

test("an operation that waits can be found and hastened", async () => {
  const { workflow } = threeSteps("test.hastened");
  const tenantId = newId();
  await bench.worker([workflow]);
  const id = await bench.begin(workflow, { tenantId, waitUntil: new Date(Date.now() + 3_600_000) });
  const find = () =>
    inTransaction(registry.db, (tx) => selectOpenOperation(tx, { tenantId, kind: "test.hastened" }));
  expect(await find()).toBe(id);
  await inTransaction(registry.db, (tx) => hastenOperation(tx, id));
  await bench.reaches(id, "succeeded");
  expect(await find()).toBeUndefined();
});

test("an operation that is hastened while its step decides to wait doesn't wait", async () => {
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  let waited = false;
  const { workflow, acts } = threeSteps("test.hastened-early", async (name) => {
    if (name !== "two" || waited) return {};
    await held;
    waited = true;
    return { waitUntil: new Date(Date.now() + 3_600_000) };
  });
  await bench.worker([workflow]);
  const id = await bench.begin(workflow);
  await waitUntil("the second step runs", () => acts.includes("two"));
  await inTransaction(registry.db, (tx) => hastenOperation(tx, id));
  letGo();
  await bench.reaches(id, "succeeded");
  expect(acts.filter((act) => act === "two")).toHaveLength(2);
});

test("an abandoned operation is over at once: its step is stopped, nothing is undone, its environment is free", async () => {
  const { workflow, acts, ends } = threeSteps("test.abandoned", (name, signal) =>
    name === "two" ? aborted(signal) : undefined,
  );
  const [tenantId, environmentId] = [newId(), newId()];
  await bench.worker([workflow]);
  const id = await bench.begin(workflow, { tenantId, environmentId });
  await waitUntil("the second step runs", () => acts.includes("two"));
  const open = { tenantId, kind: "test.abandoned" };
  const next = await inTransaction(registry.db, async (tx) => {
    expect(await abandonOperation(tx, open)).toBe(id);
    return startOperation(tx, { workflow, input: {}, environmentId });
  });
  expect(await bench.operation(id)).toMatchObject({ status: "cancelled", leaseHolder: null });
  await waitUntil("the other's second step runs", () => acts.filter((act) => act === "two").length === 2);
  await cancel(next);
  await bench.reaches(next, "cancelled");
  expect(acts).toEqual(["one", "two", "one", "two", "undo two", "undo one"]);
  expect(ends).toMatchObject([{ operationId: next }]);
});

test("an undo that fails is tried again; one that keeps failing asks for an operator, and can be gone on with", async () => {
  let undoFailures = 3;
  const { workflow, acts } = threeSteps(
    "test.undo-fails",
    (name) => {
      if (name === "two") throw new Error("never");
      if (name === "undo one" && undoFailures-- > 0) throw new Error("stuck");
    },
    { attempts: 1 },
  );
  await bench.worker([workflow], { retryBaseMs: 1 });
  await bench.reaches(await bench.begin(workflow), "failed");
  expect(acts.filter((act) => act === "undo one")).toHaveLength(4);
  undoFailures = 8;
  const id = await bench.begin(workflow);
  await bench.reaches(id, "needs_operator");
  await cancel(id);
  await bench.reaches(id, "cancelled");
  expect(await bench.steps(id)).toEqual(["undone", "undone", "pending"]);
});

test("retried after an undo got stuck, it goes on undoing and ends as it was turned back: failed or cancelled", async () => {
  let away = true;
  const { workflow, acts, ends } = threeSteps(
    "test.undo-stuck",
    (name, signal) => {
      if (name === "three") return aborted(signal);
      if (name === "two" && isFailing) throw new Error("never");
      if (name === "undo one" && away) throw new Error("away");
    },
    { attempts: 1 },
  );
  let isFailing = true;
  await bench.worker([workflow], { retryBaseMs: 1 });
  const failing = await bench.begin(workflow);
  expect((await bench.reaches(failing, "needs_operator")).error?.detail).toBe("never");
  isFailing = false;
  const cancelled = await bench.begin(workflow);
  await waitUntil("the last step runs", () => acts.includes("three"));
  await cancel(cancelled);
  expect((await bench.reaches(cancelled, "needs_operator")).error).toBeNull();
  // As many attempts as in the beginning, for each of them.
  await retry(failing);
  await waitUntil("it was tried again", async () => (await bench.attempts(failing))[0] === 8);
  await bench.reaches(failing, "needs_operator");
  away = false;
  acts.length = 0;
  await retry(failing);
  expect((await bench.reaches(failing, "failed")).error?.detail).toBe("never");
  await retry(cancelled);
  await bench.reaches(cancelled, "cancelled");
  expect(acts).toEqual(["undo one", "undo one"]);
  expect(ends.map(({ status }) => status)).toEqual(["failed", "cancelled"]);
});

test("a step that has passed the point of no return can't be cancelled, and isn't undone when it fails", async () => {
  const { promise: passed, resolve: hasPassed } = Promise.withResolvers<void>();
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  let broken = true;
  const { workflow, acts } = threeSteps("test.passes", undefined, { attempts: 1 });
  const steps = workflow.steps.map((step) => ({
    ...step,
    async run(context: StepContext) {
      if (step.name === "two") {
        await context.transaction((tx) => context.passPointOfNoReturn(tx));
        hasPassed();
        await held;
        if (broken) throw new Error("broken");
      }
      return step.run(context);
    },
  }));
  await bench.worker([{ ...workflow, steps }]);
  const id = await bench.begin(workflow);
  await passed;
  await expect(cancel(id)).rejects.toMatchObject({ code: "illegal_transition" });
  letGo();
  await bench.reaches(id, "needs_operator");
  broken = false;
  await retry(id);
  await bench.reaches(id, "succeeded");
  expect(acts).toEqual(["one", "two", "three"]);
});
