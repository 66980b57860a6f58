import type { OperationStatus, StepStatus } from "@tenantry/contract";
import { afterAll, afterEach, beforeAll } from "vitest";
import { inTransaction, sql } from "../infra/db/index.ts";
import { type Log, silentLog } from "../infra/log/index.ts";
import {
  createWorker,
  defineWorkflow,
  type Outcome,
  operationTransitions,
  type StartOptions,
  startOperation,
  type Worker,
  type WorkerOptions,
  type Workflow,
} from "../infra/workflow/index.ts";
import { type TestRegistry, testRegistry } from "./registry.ts";
import { waitUntil } from "./wait-until.ts";

/** A workflow of three steps that logs what it does; `fault` may throw or wait inside any of it. */
export function threeSteps(
  kind: string,
  fault: (act: string, signal: AbortSignal) => unknown = () => undefined,
  rest: Partial<Workflow> = {},
) {
  const acts: string[] = [];
  const ends: Outcome[] = [];
  const act = async (name: string, signal: AbortSignal) => {
    acts.push(name);
    return fault(name, signal);
  };
  const workflow = defineWorkflow({
    kind,
    version: 1,
    steps: ["one", "two", "three"].map((name) => ({
      name,
      title: name,
      run: ({ signal }) => act(name, signal),
      undo: async ({ signal }) => void (await act(`undo ${name}`, signal)),
    })),
    ended: async (_tx, outcome) => void ends.push(outcome),
    ...rest,
  });
  return { workflow, acts, ends };
}

export const aborted = (signal: AbortSignal) =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

export type OperationRow = {
  status: OperationStatus;
  progress: number;
  message: string | null;
  error: { code: string; detail?: string } | null;
  fence: number;
  leaseHolder: string | null;
  waitUntil: Date | null;
};

export type WorkflowBench = {
  worker(workflows: readonly Workflow[], options?: Partial<WorkerOptions>): Promise<Worker>;
  /** Starts an operation in a transaction of its own. */
  begin<Input>(workflow: Workflow<Input>, options?: Partial<StartOptions<Input>>): Promise<string>;
  operation(id: string): Promise<OperationRow>;
  /** The statuses of its steps, in order. */
  steps(id: string): Promise<StepStatus[]>;
  attempts(id: string): Promise<number[]>;
  /** Waits until the operation stands in one of these statuses, and answers it. */
  reaches(id: string, ...statuses: OperationStatus[]): Promise<OperationRow>;
  /** Ends the workers. It may be gone on with. */
  close(): Promise<void>;
};

/**
 * Runs workflows on a registry that refuses every illegal move of an operation, so that a test which passes has also
 * shown that the engine keeps to its own state machine.
 */
export async function openWorkflowBench(
  registry: TestRegistry,
  log: Log = silentLog,
): Promise<WorkflowBench> {
  const { db } = registry;
  await refuseIllegalMoves(registry);
  const workers: Worker[] = [];

  async function operation(id: string): Promise<OperationRow> {
    const { rows } = await sql<OperationRow>`
      select status, progress, message, error, fence, lease_holder as "leaseHolder", wait_until as "waitUntil"
      from operations where id = ${id}
    `.execute(db);
    return rows[0]!;
  }
  async function stepRows(id: string) {
    const { rows } = await sql<{ status: StepStatus; attempt: number }>`
      select status, attempt from operation_steps where operation_id = ${id} order by ordinal
    `.execute(db);
    return rows;
  }

  return {
    async worker(workflows, options) {
      const worker = createWorker({ ...registry, workflows, log, retryBaseMs: 10, ...options });
      workers.push(worker);
      await worker.start();
      return worker;
    },
    begin: (workflow, options) =>
      inTransaction(db, (tx) =>
        startOperation(tx, { workflow: workflow as Workflow<unknown>, input: {}, ...options }),
      ),
    operation,
    steps: async (id) => (await stepRows(id)).map(({ status }) => status),
    attempts: async (id) => (await stepRows(id)).map(({ attempt }) => attempt),
    reaches: (id, ...statuses) =>
      waitUntil(`operation ${id} is ${statuses.join(" or ")}`, async () => {
        const row = await operation(id);
        return statuses.includes(row.status) ? row : undefined;
      }),
    async close() {
      await Promise.all(workers.splice(0).map((worker) => worker.close()));
    },
  };
}

/**
 * For the tests of a file: a registry and a bench of their own, in which no test (and no second try of one) meets the
 * workers, operations or resources of another.
 */
export function useWorkflowBench(): { registry: TestRegistry; bench: WorkflowBench } {
  const registry = {} as TestRegistry;
  const bench = {} as WorkflowBench;
  beforeAll(async () => {
    Object.assign(registry, await testRegistry());
    Object.assign(bench, await openWorkflowBench(registry));
  });
  afterEach(async () => {
    await bench.close();
    await sql`truncate operations, resources cascade`.execute(registry.db);
  });
  afterAll(() => registry.close());
  return { registry, bench };
}

async function refuseIllegalMoves({ db }: TestRegistry): Promise<void> {
  const legal = Object.entries(operationTransitions).flatMap(([from, next]) =>
    next.map((to) => `${from} ${to}`),
  );
  const list = sql.raw(legal.map((move) => `'${move}'`).join(", "));
  await sql`
    create or replace function refuse_illegal_move() returns trigger language plpgsql as $body$
    begin
      if old.status <> new.status and old.status || ' ' || new.status not in (${list}) then
        raise exception 'illegal move: % -> %', old.status, new.status;
      end if;
      return new;
    end $body$
  `.execute(db);
  await sql`
    create or replace trigger refuse_illegal_move before update on operations
    for each row execute function refuse_illegal_move()
  `.execute(db);
}
