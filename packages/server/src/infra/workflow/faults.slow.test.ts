import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type FaultProcess, startFaultWorker } from "../../testing/fault-process.ts";
import { faultPoints, faultSteps, faultWorkflow } from "../../testing/fault-workflow.ts";
import { type TestPostgres, testPostgres } from "../../testing/postgres.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { openWorkflowBench, type WorkflowBench } from "../../testing/workflows.ts";
import { inTransaction, sql } from "../db/index.ts";
import { silentLog } from "../log/index.ts";
import {
  cancelOperation,
  createSweeper,
  defineWorkflow,
  LeaseLost,
  retryOperation,
  type SweptResource,
} from "./index.ts";

let server: TestPostgres;
let registry: TestRegistry;
let bench: WorkflowBench;
let directory: string;
const processes: FaultProcess[] = [];

beforeAll(async () => {
  // A crash of the server is among the faults: what was committed must outlive it.
  server = await testPostgres({ settings: { synchronous_commit: "on" } });
});
afterAll(() => server.stop());

beforeEach(async () => {
  registry = await testRegistry(server);
  bench = await openWorkflowBench(registry);
  await sql`create table effects (operation_id uuid not null, step text not null)`.execute(registry.db);
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-fault-"));
});
afterEach(async () => {
  await Promise.all(processes.splice(0).map((process) => process.kill()));
  await bench.close();
  await registry.close();
  await rm(directory, { recursive: true });
});

const leaseMs = 2_000;
const input = (more = {}) => ({ input: { directory, ...more } });

async function start(stopAt?: string, ofMs = leaseMs): Promise<FaultProcess> {
  const process = await startFaultWorker({ url: registry.url, leaseMs: ofMs, stopAt });
  processes.push(process);
  return process;
}

async function effects(): Promise<string[]> {
  const { rows } = await sql<{ step: string }>`select step from effects`.execute(registry.db);
  return rows.map(({ step }) => step).sort();
}

async function resources(): Promise<{ state: string; physicalName: string }[]> {
  const { rows } = await sql<{ state: string; physicalName: string }>`
    select state, physical_name as "physicalName" from resources order by physical_name
  `.execute(registry.db);
  return rows;
}

function sweeper() {
  const remove = ({ physicalName }: SweptResource) => rm(physicalName, { recursive: true, force: true });
  return createSweeper({ db: registry.db, log: silentLog, remove: { "directory/test": remove } });
}

async function expectAllDoneOnce(): Promise<void> {
  expect(await effects()).toEqual(["first", "second", "third"]);
  expect((await readdir(directory)).sort()).toEqual(["first", "second", "third"]);
  expect(await resources()).toEqual(
    faultSteps.map((step) => ({ state: "present", physicalName: path.join(directory, step) })),
  );
}

async function expectNothingLeft(): Promise<void> {
  expect([await effects(), await readdir(directory), await resources()]).toEqual([[], [], []]);
}

/** It wakes up after another ended its operation: nothing that it writes is taken. */
async function goesOnInVain(frozen: FaultProcess, id: string): Promise<void> {
  const before = await bench.operation(id);
  frozen.child.kill("SIGCONT");
  await frozen.says("aborted: LeaseLost");
  const answers = () => frozen.lines.slice(frozen.lines.indexOf("aborted: LeaseLost") + 1);
  await waitUntil("its writes are answered", () => answers().length >= 3);
  expect(answers()).toEqual(["refused", "refused", "refused"]);
  expect(await bench.operation(id)).toEqual(before);
}

const undos = faultSteps.flatMap((step) => faultPoints.map((point) => `undo ${step} ${point}`));

describe.each(faultSteps)("a worker killed in the %s step", (step) => {
  test.each(faultPoints)("(%s its effect) is replaced at once, and all takes effect once", async (point) => {
    // Longer than anybody waits here: that it is gone can be proved.
    const leaseMs = 600_000;
    const dying = await start(`${step} ${point}`, leaseMs);
    const id = await bench.begin(faultWorkflow(), input());
    await dying.says(`at ${step} ${point}`);
    await bench.worker([faultWorkflow()], { leaseMs });
    await dying.kill();
    await bench.reaches(id, "succeeded");
    expect((await bench.operation(id)).fence).toBe(2);
    await expectAllDoneOnce();
  });
});

test.each(undos)("a worker killed at %s is replaced, and nothing is left", async (where) => {
  const dying = await start(where);
  const id = await bench.begin(faultWorkflow(), input({ failing: "third" }));
  await dying.says(`at ${where}`);
  await bench.worker([faultWorkflow()], { leaseMs, pollMs: 100 });
  await dying.kill();
  expect((await bench.reaches(id, "failed")).error?.detail).toBe("It fails for good.");
  await expectNothingLeft();
});

test("a worker that stands still past its lease can't write any more, and is told so when it goes on", async () => {
  const frozen = await start("second before");
  const id = await bench.begin(faultWorkflow(), input());
  await frozen.says("at second before");
  frozen.child.kill("SIGSTOP");
  await bench.worker([faultWorkflow()], { leaseMs });
  await bench.reaches(id, "succeeded");
  await goesOnInVain(frozen, id);
  await expectAllDoneOnce();
  // It is a worker like any other again.
  const next = await bench.begin(faultWorkflow(), { input: { directory: path.join(directory, "next") } });
  await bench.reaches(next, "succeeded");
});

test("a worker that stands still in the middle of a transaction is overtaken all the same", async () => {
  const frozen = await start("second within");
  const id = await bench.begin(faultWorkflow(), input());
  await frozen.says("at second within");
  frozen.child.kill("SIGSTOP");
  await bench.worker([faultWorkflow()], { leaseMs });
  await bench.reaches(id, "succeeded");
  frozen.child.kill("SIGCONT");
  await frozen.says("aborted: LeaseLost");
  await expectAllDoneOnce();
});

test("what a worker makes after it was overtaken is swept, however late it wakes up", async () => {
  const frozen = await start("second proved");
  const id = await bench.begin(faultWorkflow(), input());
  await frozen.says("at second proved");
  frozen.child.kill("SIGSTOP");
  await inTransaction(registry.db, (tx) => cancelOperation(tx, id));
  await bench.worker([faultWorkflow()], { leaseMs });
  await bench.reaches(id, "cancelled");
  expect(await readdir(directory)).toEqual([]);
  const sweptAsleep = await sweeper().sweep();
  expect(sweptAsleep.watched).toBeGreaterThan(0);
  frozen.child.kill("SIGCONT");
  await waitUntil("it makes its directory", async () => (await readdir(directory)).includes("second"));
  await waitUntil("nothing is watched any more", async () => (await sweeper().sweep()).watched === 0);
  await expectNothingLeft();
});

test("a worker that stands still in the middle of an undo is overtaken, and changes nothing when it wakes up", async () => {
  const frozen = await start("undo second within");
  const id = await bench.begin(faultWorkflow(), input({ failing: "third" }));
  await frozen.says("at undo second within");
  frozen.child.kill("SIGSTOP");
  await bench.worker([faultWorkflow()], { leaseMs });
  await bench.reaches(id, "failed");
  await goesOnInVain(frozen, id);
  await waitUntil("nothing is watched any more", async () => (await sweeper().sweep()).watched === 0);
  await expectNothingLeft();
});

test("what an overtaken undo could still take away isn't made anew before that worker is gone", async () => {
  const frozen = await start("undo second proved");
  const id = await bench.begin(faultWorkflow(), input({ failing: "third" }));
  await frozen.says("at undo second proved");
  frozen.child.kill("SIGSTOP");
  await bench.worker([faultWorkflow()], { leaseMs });
  await bench.reaches(id, "failed");
  await sql`update operations set input = input - 'failing' where id = ${id}`.execute(registry.db);
  const retry = () => inTransaction(registry.db, (tx) => retryOperation(tx, id));
  await retry();
  expect((await bench.reaches(id, "failed")).error?.code).toBe("busy");
  expect((await sweeper().sweep()).watched).toBeGreaterThan(0);
  frozen.child.kill("SIGCONT");
  await frozen.says("aborted: LeaseLost");
  await waitUntil("nothing is watched any more", async () => (await sweeper().sweep()).watched === 0);
  await retry();
  await bench.reaches(id, "succeeded");
  await expectAllDoneOnce();
});

test("a worker whose lease connection is cut stops its step before anyone takes over, and then goes on itself", async () => {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<unknown>();
  const workflow = faultWorkflow(async (where, { signal, fence }) => {
    if (where !== "second before" || fence > 1) return;
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    stop({ reason: signal.reason, fence: (await bench.operation(id)).fence });
  });
  await bench.worker([workflow], { leaseMs });
  const id = await bench.begin(workflow, input());
  await waitUntil("the second step runs", async () => (await bench.steps(id))[1] === "running");
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'tenantry worker' and datname = current_database()
  `.execute(registry.db);
  expect(await stopped).toEqual({ reason: expect.any(LeaseLost), fence: 1 });
  await bench.reaches(id, "succeeded");
  expect((await bench.operation(id)).fence).toBe(2);
  await expectAllDoneOnce();
});

test("work goes on after the registry has crashed in the middle of a step", async () => {
  const { promise: crashed, resolve: hasCrashed } = Promise.withResolvers<void>();
  const workflow = faultWorkflow(async (where, { fence }) => {
    if (where === "second within" && fence === 1) await crashed;
  });
  await bench.worker([workflow], { leaseMs });
  const id = await bench.begin(workflow, input());
  await waitUntil("the second step runs", async () => (await bench.steps(id))[1] === "running");
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(registry.db);
  // The server takes the violent end of any of its processes for a crash of the whole, and recovers.
  process.kill(rows[0]!.pid, "SIGKILL");
  hasCrashed();
  await waitUntil("the registry is back", () => bench.operation(id).then(Boolean, () => false));
  await bench.reaches(id, "succeeded");
  await expectAllDoneOnce();
});

test("cancelled while its worker is dead, it is undone by another", async () => {
  const dying = await start("second after");
  const id = await bench.begin(faultWorkflow(), input());
  await dying.says("at second after");
  await dying.kill();
  await inTransaction(registry.db, (tx) => cancelOperation(tx, id));
  await bench.worker([faultWorkflow()], { leaseMs });
  await bench.reaches(id, "cancelled");
  await expectNothingLeft();
});

test("a busy pool can't starve the leases", async () => {
  const workflow = defineWorkflow({
    kind: "test.starved",
    version: 1,
    steps: [
      {
        name: "hog",
        title: "Hog every connection",
        run: ({ db }) => Promise.all(Array.from({ length: 20 }, () => sql`select pg_sleep(0.6)`.execute(db))),
      },
    ],
  });
  await bench.worker([workflow], { leaseMs: 500 });
  const id = await bench.begin(workflow);
  expect(await bench.reaches(id, "succeeded")).toMatchObject({ fence: 1 });
});

test("a step's transaction that outlasts the lease isn't overtaken", async () => {
  const workflow = defineWorkflow({
    kind: "test.long-transaction",
    version: 1,
    steps: [
      {
        name: "sleep",
        title: "Sleep",
        run: ({ transaction }) => transaction((tx) => sql`select pg_sleep(1.5)`.execute(tx)),
      },
    ],
  });
  await bench.worker([workflow], { leaseMs: 500 });
  await bench.worker([workflow], { leaseMs: 500, pollMs: 50 });
  const id = await bench.begin(workflow);
  expect(await bench.reaches(id, "succeeded")).toMatchObject({ fence: 1 });
});

test("with workers killed all the time, every operation ends and took effect once", async () => {
  const ids = await Promise.all(
    Array.from({ length: 30 }, (_, n) =>
      bench.begin(faultWorkflow(), { input: { directory: path.join(directory, String(n)) } }),
    ),
  );
  const open = async () => {
    const rows = await Promise.all(ids.map((id) => bench.operation(id)));
    return rows.filter(({ status }) => status !== "succeeded").length;
  };
  for (let kills = 0; kills < 6 && (await open()) > 0; kills += 1) {
    const pair = await Promise.all([start(), start()]);
    await waitUntil("they are at work", () => pair.every(({ lines }) => lines.length > 3), 2_000).catch(
      () => undefined,
    );
    await Promise.all(pair.map((worker) => worker.kill()));
  }
  await bench.worker([faultWorkflow()], { leaseMs });
  for (const id of ids) await bench.reaches(id, "succeeded");
  expect((await effects()).length).toBe(90);
  expect((await readdir(directory)).length).toBe(30);
});
