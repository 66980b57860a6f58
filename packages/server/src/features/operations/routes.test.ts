import type { OperationReply } from "@tenantry/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Api } from "../../infra/http/index.ts";
import { defineWorkflow, type Workflow } from "../../infra/workflow/index.ts";
import { newId, parseId, showId } from "../../kernel/index.ts";
import { asOperator, createTestApi } from "../../testing/api.ts";
import { shortest, waitUntil } from "../../testing/wait-until.ts";
import { useWorkflowBench, type WorkflowBench } from "../../testing/workflows.ts";
import { createOperations, type Operations, operationRoutes } from "./index.ts";

const { registry, bench } = useWorkflowBench();
let operations: Operations;
let api: Api;
let address: string;
beforeAll(async () => {
  operations = createOperations({ ...registry, settled: async () => undefined });
  api = await createTestApi({ groups: [operationRoutes({ operations })] });
  address = await api.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(() => api?.close());

async function call(method: "GET" | "POST", path = "", headers: Record<string, string> = asOperator) {
  const reply = await api.inject({ method, url: `/v1/operations${path}`, headers });
  return { status: reply.statusCode, body: reply.json() as OperationReply & Record<string, unknown> };
}

/** Two steps; the second is held until `letGo`, and then does what it is told. */
function held(kind: string, then: () => unknown = () => undefined): Workflow & { letGo(): void } {
  const { promise, resolve: letGo } = Promise.withResolvers<void>();
  const workflow = defineWorkflow({
    kind,
    version: 1,
    attempts: 1,
    steps: [
      { name: "first", title: "The first", run: async () => ({ secret: "result" }) },
      {
        name: "second",
        title: "The second",
        async run({ signal }) {
          await Promise.race([promise, new Promise((resolve) => signal.addEventListener("abort", resolve))]);
          signal.throwIfAborted();
          return then();
        },
      },
    ],
  });
  return { ...workflow, letGo };
}

async function begin(
  workflow: Workflow,
  options: Parameters<WorkflowBench["begin"]>[1] = {},
): Promise<string> {
  return showId("op", await bench.begin(workflow, options));
}

const until = (id: string, status: string) =>
  waitUntil(`it is ${status}`, async () => {
    const operation = await operations.show(id);
    return operation.status === status ? operation : undefined;
  });

test("shows an operation with its steps while it runs and after its end, but never its results or input", async () => {
  const workflow = held("test.shown");
  const [tenantId, environmentId] = [newId(), newId()];
  const id = await begin(workflow, {
    tenantId,
    environmentId,
    input: { secret: "input" },
    requestedBy: "operator:x",
  });
  expect((await call("GET", `/${id}`)).body).toMatchObject({
    status: "queued",
    progress: 0,
    startedAt: null,
  });
  await bench.worker([workflow]);
  await waitUntil("the second runs", async () => (await operations.show(id)).steps[1]?.status === "running");
  expect((await call("GET", `/${id}`)).body).toMatchObject({
    id,
    kind: "test.shown",
    status: "running",
    tenantId: showId("tnt", tenantId),
    environmentId: showId("env", environmentId),
    requestedBy: "operator:x",
    progress: 0.5,
    message: "The second",
    error: null,
    endedAt: null,
    steps: [
      {
        name: "first",
        title: "The first",
        status: "done",
        attempt: 1,
        error: null,
        tookMs: expect.any(Number),
      },
      { name: "second", title: "The second", status: "running", attempt: 1, endedAt: null, tookMs: null },
    ],
  });
  workflow.letGo();
  const ended = await until(id, "succeeded");
  expect(ended).toMatchObject({ progress: 1, message: null });
  expect(Date.parse(ended.endedAt!)).toBeGreaterThanOrEqual(Date.parse(ended.startedAt!));
  expect(JSON.stringify(ended)).not.toContain("secret");
});

test("an id that is none, of another kind, or of nothing is 404", async () => {
  for (const id of ["nonsense", showId("tnt", newId()), showId("op", newId())])
    for (const [method, act] of [
      ["GET", ""],
      ["POST", "/cancel"],
      ["POST", "/retry"],
      ["GET", "/events"],
    ] as const) {
      const { status, body } = await call(method, `/${id}${act}`);
      expect([act, status, body.code]).toEqual([act, 404, "operation_not_found"]);
    }
});

test("without a key nothing is shown or done", async () => {
  const id = await begin(held("test.locked"));
  for (const [method, act] of [
    ["GET", ""],
    ["POST", "/cancel"],
    ["POST", "/retry"],
    ["GET", "/events"],
  ] as const)
    expect((await call(method, `/${id}${act}`, {})).status).toBe(401);
  expect((await operations.show(id)).status).toBe("queued");
});

test("lists the newest first in pages, by state, tenant and kind, and internal ones only when asked", async () => {
  const workflow = held("test.listed");
  const tenantId = newId();
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) ids.unshift(await begin(workflow, { tenantId }));
  const internal = await begin(workflow, { tenantId, internal: true });
  const list = async (query: string) => {
    const { status, body } = await call("GET", `?tenantId=${showId("tnt", tenantId)}${query}`);
    expect(status).toBe(200);
    return body as unknown as { items: OperationReply[]; nextCursor: string | null };
  };
  const seen: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page = await list(`&limit=2${cursor && `&cursor=${cursor}`}`);
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  expect(seen).toEqual(ids);
  expect((await list("&internal=true")).items[0]?.id).toBe(internal);
  expect((await list("&status=queued,running&kind=test.listed")).items).toHaveLength(5);
  expect((await list("&status=failed")).items).toEqual([]);
  expect((await list("&kind=other")).items).toEqual([]);
});

test.each([
  ["status=sleeping", "?status"],
  ["tenantId=acme", "?tenantId"],
  ["cursor=%00", "?cursor"],
  ["limit=0", "?limit"],
  ["internal=maybe", "?internal"],
  ["stauts=failed", "?stauts"],
])("a list asked for with %s is refused at %s", async (query, pointer) => {
  const { status, body } = await call("GET", `?${query}`);
  expect([status, body.code]).toEqual([422, "invalid_request"]);
  expect(JSON.stringify(body.errors)).toContain(pointer);
});

test("cancelling answers at once, and the operation ends cancelled; what has ended is refused with the reason", async () => {
  const workflow = held("test.cancelled");
  await bench.worker([workflow]);
  const id = await begin(workflow);
  await until(id, "running");
  const { status, body } = await call("POST", `/${id}/cancel`);
  expect(status).toBe(202);
  expect(["cancelling", "cancelled"]).toContain(body.status);
  await until(id, "cancelled");
  const again = await call("POST", `/${id}/cancel`);
  expect([again.status, again.body.code]).toEqual([409, "illegal_transition"]);
  expect(again.body.detail).toContain("cancelled");
});

test("a failed operation shows where and why, and can be sent forward again", async () => {
  let broken = true;
  const workflow = held("test.retried", () => {
    if (broken) throw new Error("no room");
  });
  await bench.worker([workflow]);
  const id = await begin(workflow);
  expect((await call("POST", `/${id}/retry`)).status).toBe(409);
  workflow.letGo();
  const failed = await until(id, "failed");
  expect(failed).toMatchObject({
    error: { code: "operation_failed", detail: "no room" },
    // Neither has anything to take back.
    steps: [{ status: "done" }, { status: "failed", error: { detail: "no room" } }],
  });
  broken = false;
  expect((await call("POST", `/${id}/retry`)).status).toBe(202);
  expect(await until(id, "succeeded")).toMatchObject({ error: null });
});

test("waiting for the end answers with it; when time is up or the caller goes, with how it stands", async () => {
  const workflow = held("test.awaited");
  await bench.worker([workflow]);
  const id = await begin(workflow);
  const never = new AbortController().signal;
  await until(id, "running");
  expect((await operations.waitForEnd(id, 0, never)).status).toBe("running");
  expect((await operations.waitForEnd(id, 60_000, AbortSignal.timeout(20))).status).toBe("running");
  const ended = operations.waitForEnd(id, 60_000, never);
  workflow.letGo();
  expect((await ended).status).toBe("succeeded");
  // It is told, and doesn't merely look every second: nothing holds these.
  const tookMs = await shortest(900, async () => operations.waitForEnd(await begin(workflow), 60_000, never));
  expect(tookMs).toBeLessThan(900);
});

test("its events show it at once, at each change and at its end, and then the stream ends", async () => {
  const workflow = held("test.followed");
  const id = await begin(workflow);
  const reply = await fetch(`${address}/v1/operations/${id}/events`, { headers: asOperator });
  expect(reply.headers.get("content-type")).toContain("text/event-stream");
  await bench.worker([workflow]);
  let body = "";
  for await (const text of reply.body!.pipeThrough(new TextDecoderStream())) {
    body += text;
    if (body.includes('"status":"running"')) workflow.letGo();
  }
  const states = [...body.matchAll(/event: operation\ndata: (.*)\n\n/g)].map(
    ([, data]) => JSON.parse(data!) as OperationReply,
  );
  expect(states.every((state) => parseId("op", state.id))).toBe(true);
  const progress = states.map((state) => state.progress);
  expect(progress).toEqual([...progress].sort());
  expect(states.map(({ status }) => status)).toEqual(expect.arrayContaining(["running", "succeeded"]));
  expect(states.at(-1)).toMatchObject({ status: "succeeded", progress: 1 });
});
