import { afterAll, beforeAll, expect, test } from "vitest";
import { type Db, inTransaction, sql } from "../../infra/db/index.ts";
import { createLog, silentLog } from "../../infra/log/index.ts";
import { createMetrics } from "../../infra/metrics/index.ts";
import { retryOperation } from "../../infra/workflow/index.ts";
import { newId, showId } from "../../kernel/index.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { openWorkflowBench, threeSteps, type WorkflowBench } from "../../testing/workflows.ts";
import { createSettings } from "../settings/index.ts";
import { createOperations, observeOperations, reportStuckOperations } from "./index.ts";

let registry: TestRegistry;
let bench: WorkflowBench;
const lines: string[] = [];
const log = createLog({
  level: "error",
  destination: { write: (line: string) => void lines.push(line), close: async () => undefined },
});
beforeAll(async () => {
  registry = await testRegistry();
  bench = await openWorkflowBench(registry, log);
});
afterAll(async () => {
  await bench.close();
  await registry.close();
});

const eventsOf = (operationId: string) => eventsIn(registry.db, operationId);

async function eventsIn(
  db: Db,
  operationId: string,
): Promise<{ type: string; data: object; tenantId: string | null }[]> {
  const { rows } = await sql<{ type: string; data: object; tenantId: string | null }>`
    select type, data, tenant_id as "tenantId" from events where data ->> 'operationId' = ${showId("op", operationId)}
    order by version
  `.execute(db);
  return rows;
}

/** The line comes right after the commit that others see. */
const becomesLogged = (operationId: string, ...names: string[]) =>
  waitUntil(`the log has ${names.join()}`, () => logged(operationId).join() === names.join());

function logged(operationId: string): string[] {
  const all = lines.map((line) => JSON.parse(line) as { operationId?: string; msg: string });
  return all.filter((line) => line.operationId === operationId).map(({ msg }) => msg);
}

const never = () => Promise.reject(new Error("never"));

test("an operation that fails is told by an event and an error in the log; the platform's own in the log alone", async () => {
  const { workflow } = threeSteps("test.fails", (act) => (act === "two" ? never() : undefined), {
    attempts: 1,
  });
  await bench.worker([workflow]);
  const tenantId = newId();
  const id = await bench.begin(workflow, { tenantId });
  const internal = await bench.begin(workflow, { internal: true });
  await bench.reaches(id, "failed");
  await bench.reaches(internal, "failed");
  const data = { operationId: showId("op", id), kind: "test.fails", reason: "operation_failed" };
  expect(await eventsOf(id)).toEqual([{ type: "operation.failed", data, tenantId }]);
  expect(await eventsOf(internal)).toEqual([]);
  await becomesLogged(id, "operation.failed");
  await becomesLogged(internal, "operation.failed");
});

test("one that needs an operator is told each time it comes to that, whether it was on its way forward or back", async () => {
  const stops = threeSteps("test.stops", never, { attempts: 1, onFailure: "stop" });
  const stuck = threeSteps("test.undo-fails", (act) => (act === "one" ? undefined : never()), {
    attempts: 1,
  });
  await bench.worker([stops.workflow, stuck.workflow], { retryBaseMs: 1 });
  for (const { workflow } of [stops, stuck]) {
    const id = await bench.begin(workflow, { internal: true });
    await bench.reaches(id, "needs_operator");
    const data = { operationId: showId("op", id), kind: workflow.kind, reason: "operation_failed" };
    expect(await eventsOf(id)).toEqual([{ type: "operation.needs_operator", data, tenantId: null }]);
    await inTransaction(registry.db, (tx) => retryOperation(tx, id));
    await bench.reaches(id, "needs_operator");
    expect((await eventsOf(id)).length).toBe(2);
    await becomesLogged(id, "operation.needs_operator", "operation.needs_operator");
  }
});

test("one in which nothing happens for too long is told once, shown, counted, and told again after it went on", async () => {
  const other = await testRegistry();
  const elsewhere = await openWorkflowBench(other, silentLog);
  const { db, notifications } = other;
  const settings = createSettings({ operationStuckAfterMinutes: { value: 30, source: "file" } });
  const operations = createOperations({ db, notifications, settled: async () => undefined });
  const metrics = createMetrics({ ofProcess: false });
  observeOperations(metrics, db);
  const { workflow } = threeSteps("test.nobody-does-it");
  const [stuck, waiting, young] = await Promise.all([
    elsewhere.begin(workflow),
    elsewhere.begin(workflow, { waitUntil: new Date(Date.now() + 3_600_000) }),
    elsewhere.begin(workflow),
  ]);
  const age = (id: string) =>
    sql`update operations set created_at = now() - interval '31 minutes' where id = ${id}`.execute(db);
  await Promise.all([stuck, waiting].map(age));
  const report = () => reportStuckOperations({ db, log, settings });
  const shown = async (id: string) => (await operations.show(showId("op", id))).stuckSince;
  const figure = async () => (await metrics.metrics()).match(/^tenantry_operations_stuck (\d+)$/m)?.[1];

  expect([await shown(stuck), await figure()]).toEqual([null, "0"]);
  await Promise.all([report(), report(), report()]);
  expect((await eventsIn(db, stuck)).map(({ type }) => type)).toEqual(["operation.stuck"]);
  expect([await eventsIn(db, waiting), await eventsIn(db, young)]).toEqual([[], []]);
  expect(logged(stuck)).toEqual(["operation.stuck"]);
  expect(Date.parse((await shown(stuck))!)).toBeLessThan(Date.now() - 30 * 60_000);
  expect(await figure()).toBe("1");

  await sql`
    update operation_steps set started_at = now() where operation_id = ${stuck} and ordinal = 0
  `.execute(db);
  expect([await shown(stuck), await figure()]).toEqual([null, "0"]);
  await sql`update operations set stuck_told_at = now() - interval '2 hours' where id = ${stuck}`.execute(db);
  await sql`
    update operation_steps set started_at = now() - interval '1 hour' where operation_id = ${stuck} and ordinal = 0
  `.execute(db);
  await report();
  expect((await eventsIn(db, stuck)).length).toBe(2);
  await elsewhere.close();
  await other.close();
});

test("metrics count operations by status, and are without them while the registry is away", async () => {
  const other = await testRegistry();
  const elsewhere = await openWorkflowBench(other, silentLog);
  const metrics = createMetrics({ ofProcess: false });
  observeOperations(metrics, other.db);
  const { workflow } = threeSteps("test.counted");
  await elsewhere.begin(workflow);
  const shown = await metrics.metrics();
  expect(shown).toContain('tenantry_operations{status="queued"} 1\n');
  expect(shown).toContain('tenantry_operations{status="needs_operator"} 0\n');
  expect(shown).toContain("tenantry_operations_failed_last_day 0\n");
  await elsewhere.close();
  await other.close();
  const without = await metrics.metrics();
  expect(without).toContain("# TYPE tenantry_operations gauge");
  expect(without).not.toMatch(/^tenantry_operations/m);
});
