import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestPostgres, testPostgres } from "../../testing/postgres.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { inTransaction, sql } from "../db/index.ts";
import { silentLog } from "../log/index.ts";
import { createWorker, defineWorkflow, startOperation, type Worker, type Workflow } from "./index.ts";

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

const workers: Worker[] = [];
afterAll(() => Promise.all(workers.map((worker) => worker.close())));

async function work(...workflows: Workflow[]): Promise<Worker> {
  const worker = createWorker({ ...registry, workflows, log: silentLog, retryBaseMs: 10 });
  workers.push(worker);
  await worker.start();
  return worker;
}

type Row = { status: string; progress: number; error: unknown };
async function operation(id: string): Promise<Row> {
  const { rows } = await sql<Row>`select status, progress, error from operations where id = ${id}`.execute(
    registry.db,
  );
  return rows[0]!;
}

test("steps run in order, each sees the results before it, and the end is written with the last word", async () => {
  const seen: unknown[] = [];
  const workflow = defineWorkflow<{ name: string }>({
    kind: "test.happy",
    version: 1,
    steps: [
      { name: "first", title: "First", run: async ({ input }) => ({ hello: input.name }) },
      { name: "second", title: "Second", run: async ({ results }) => void seen.push(results) },
    ],
    async ended(tx, outcome) {
      await sql`insert into settings (scope, key, value) values ('platform', 'ended', ${JSON.stringify(outcome)}::jsonb)`.execute(
        tx,
      );
    },
  });
  await work(workflow);
  const id = await inTransaction(registry.db, (tx) =>
    startOperation(tx, { workflow, input: { name: "you" } }),
  );
  await waitUntil("it ended", async () => (await operation(id)).status === "succeeded");
  expect(await operation(id)).toMatchObject({ progress: 1, error: null });
  expect(seen).toEqual([{ first: { hello: "you" } }]);
  const { rows } = await sql<{ value: unknown }>`select value from settings where key = 'ended'`.execute(
    registry.db,
  );
  expect(rows[0]?.value).toMatchObject({ operationId: id, status: "succeeded", input: { name: "you" } });
});
