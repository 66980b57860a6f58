import { expect, test } from "vitest";
import { waitUntil } from "../../testing/wait-until.ts";
import { useWorkflowBench } from "../../testing/workflows.ts";
import { sql } from "../db/index.ts";
import { cancelAtOnce, defineWorkflow, type StepContext } from "./index.ts";

const { registry, bench } = useWorkflowBench();

/** A step that is undone by noting when. */
function oneStep(kind: string, run: (context: StepContext) => Promise<unknown>, pointOfNoReturn?: string) {
  const undone: number[] = [];
  const undo = async () => void undone.push(performance.now());
  const steps = [{ name: "make", title: "Make it", run, undo }];
  return { undone, workflow: defineWorkflow({ kind, version: 1, attempts: 1, pointOfNoReturn, steps }) };
}

async function isSleeping(): Promise<boolean> {
  const { rows } = await sql`
    select from pg_stat_activity where datname = current_database() and state = 'active'
      and query like '%pg_sleep(60)%' and pid <> pg_backend_pid()
  `.execute(registry.db);
  return rows.length > 0;
}

test("cancelling breaks off a transaction that a step is in the middle of: the answer and the undo come at once", async () => {
  const reasons: unknown[] = [];
  const { workflow, undone } = oneStep("test.sleeps", async ({ transaction, signal }) => {
    signal.addEventListener("abort", () => reasons.push(signal.reason));
    await transaction((tx) => sql`select pg_sleep(60)`.execute(tx));
  });
  await bench.worker([workflow]);
  const id = await bench.begin(workflow);
  await waitUntil("it sleeps", isSleeping);
  const askedAt = performance.now();
  await cancelAtOnce(registry.db, id);
  expect(performance.now() - askedAt).toBeLessThan(3_000);
  await bench.reaches(id, "cancelled");
  expect(undone[0]! - askedAt).toBeLessThan(6_000);
  expect(await isSleeping()).toBe(false);
});

test("a worker that stands still between two statements of its transaction can't keep a cancel waiting either", async () => {
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const { promise: within, resolve: isWithin } = Promise.withResolvers<void>();
  const { workflow } = oneStep("test.stands-still", ({ transaction }) =>
    transaction(async (tx) => {
      isWithin();
      await held;
      await sql`select 1`.execute(tx);
    }),
  );
  await bench.worker([workflow]);
  const id = await bench.begin(workflow);
  await within;
  const askedAt = performance.now();
  await cancelAtOnce(registry.db, id);
  // Nothing but a lease, of ten seconds, would have ended it.
  expect(performance.now() - askedAt).toBeLessThan(5_000);
  letGo();
  await bench.reaches(id, "cancelled");
});

test("past the point of no return a cancel is refused at once, and breaks nothing off", async () => {
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const { promise: within, resolve: isWithin } = Promise.withResolvers<void>();
  const work = ({ transaction }: StepContext) =>
    transaction(async (tx) => {
      isWithin();
      await held;
      await sql`select 1`.execute(tx);
    });
  const { workflow } = oneStep("test.sleeps-for-good", work, "make");
  await bench.worker([workflow]);
  const id = await bench.begin(workflow);
  await within;
  const askedAt = performance.now();
  await expect(cancelAtOnce(registry.db, id)).rejects.toMatchObject({ code: "illegal_transition" });
  expect(performance.now() - askedAt).toBeLessThan(3_000);
  letGo();
  await bench.reaches(id, "succeeded");
});
