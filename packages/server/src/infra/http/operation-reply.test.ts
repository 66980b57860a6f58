import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { asOperator, createTestApi } from "../../testing/api.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { type Api, replyWithOperation, type ShownOperation } from "./index.ts";

const running: ShownOperation = { id: "op_1", status: "running" };
let ended: ShownOperation = running;
let waited: { ms: number; signal: AbortSignal } | undefined;
let hang = false;

let api: Api;
beforeAll(async () => {
  api = await createTestApi({
    groups: [
      (at) => {
        at.post(
          "/v1/work",
          {
            config: { permission: "tenants:write" },
            schema: { operationId: "work", summary: "Work", tags: ["test"] },
          },
          async (request, reply) =>
            replyWithOperation(request, reply, {
              operation: running,
              async waitForEnd(_id, ms, signal) {
                waited = { ms, signal };
                if (hang) await new Promise((resolve) => signal.addEventListener("abort", resolve));
                return ended;
              },
              succeeded: async () => ({ status: 201, body: { id: "tnt_1" }, location: "/v1/x/tnt_1" }),
            }),
        );
      },
    ],
  });
});
afterAll(async () => api.close());

beforeEach(() => {
  [ended, hang, waited] = [running, false, undefined];
});

async function work(prefer?: string | string[]) {
  waited = undefined;
  return api.inject({
    method: "POST",
    url: "/v1/work",
    headers: { ...asOperator, ...(prefer === undefined ? {} : { prefer }) } as Record<string, string>,
  });
}

describe("long work", () => {
  it("is answered at once with where to follow it", async () => {
    const reply = await work();
    expect(reply.statusCode).toBe(202);
    expect(reply.headers.location).toBe("/v1/operations/op_1");
    expect(reply.headers["preference-applied"]).toBeUndefined();
    expect(reply.json()).toEqual(running);
    expect(waited).toBeUndefined();
  });

  it.each([
    ["wait=30", 30],
    ["respond-async, wait=5", 5],
    ['Wait = "7"', 7],
    ["wait=0", 0],
    ["wait=9999", 60],
  ])("waits as long as %j says, a minute at most", async (prefer, seconds) => {
    ended = { ...running, status: "succeeded" };
    const reply = await work(prefer);
    expect(waited?.ms).toBe(seconds * 1_000);
    expect(reply.headers["preference-applied"]).toBe(`wait=${seconds}`);
    expect(reply.statusCode).toBe(201);
    expect(reply.json()).toEqual({ id: "tnt_1" });
    expect(reply.headers.location).toBe("/v1/x/tnt_1");
  });

  it.each(["wait=-1", "wait=x", "wait", "await=3", "wait=1e9"])("doesn't wait for %j", async (prefer) => {
    expect((await work(prefer)).statusCode).toBe(202);
    expect(waited).toBeUndefined();
  });

  it("that isn't done in time is still 202", async () => {
    ended = running;
    expect((await work("wait=1")).statusCode).toBe(202);
  });

  it("that failed gives its own problem with the operation's id", async () => {
    ended = {
      ...running,
      status: "failed",
      error: { code: "no_capacity", title: "No room.", detail: "All 3 servers are full." },
    };
    const reply = await work("wait=1");
    expect(reply.statusCode).toBe(503);
    expect(reply.json()).toMatchObject({
      code: "no_capacity",
      detail: "All 3 servers are full.",
      operationId: "op_1",
    });
  });

  it("that failed of something unknown is operation_failed", async () => {
    ended = { ...running, status: "failed", error: { code: "ENOENT", title: "No such file." } };
    expect((await work("wait=1")).json()).toMatchObject({
      code: "operation_failed",
      detail: "No such file.",
      operationId: "op_1",
    });
  });

  it("that was cancelled says so", async () => {
    ended = { ...running, status: "cancelled" };
    expect((await work("wait=1")).json()).toMatchObject({ code: "operation_cancelled", operationId: "op_1" });
  });

  it("is no longer waited for once the client is gone", async () => {
    hang = true;
    if (!api.server.listening) await api.listen({ host: "127.0.0.1", port: 0 });
    const { port } = api.server.address() as { port: number };
    const client = new AbortController();
    waited = undefined;
    const reply = fetch(`http://127.0.0.1:${port}/v1/work`, {
      method: "POST",
      headers: { ...asOperator, prefer: "wait=60" },
      signal: client.signal,
    });
    await waitUntil("it waits", () => waited !== undefined);
    client.abort();
    await expect(reply).rejects.toThrow();
    await waitUntil("it stopped waiting", () => waited?.signal.aborted === true);
  });
});
