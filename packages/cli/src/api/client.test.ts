import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { type Answer, startFakeApi } from "../testing/fake-api.ts";
import { createClient } from "./client.ts";

const key = "tnk_secret";

async function asking(answer: Answer, method = "GET", path = "/v1/tenants") {
  await using api = await startFakeApi(() => answer);
  return await createClient({ url: api.url, apiKey: key }).call(method, path);
}

async function problemOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return (error as { problem?: Record<string, unknown> }).problem;
}

describe("a request to the API", () => {
  it("carries the key, the query without what isn't set, and the body as JSON", async () => {
    await using api = await startFakeApi(() => ({ status: 201, body: { id: "x" } }));
    const client = createClient({ url: api.url, apiKey: key });
    const reply = await client.call("POST", "/v1/things", {
      query: { search: "ä&b=c", limit: 3, cursor: undefined },
      body: { name: "Zoë" },
    });
    expect(reply).toEqual({ status: 201, body: { id: "x" } });
    expect(api.asked[0]).toMatchObject({
      method: "POST",
      url: "/v1/things?search=%C3%A4%26b%3Dc&limit=3",
      body: { name: "Zoë" },
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    });
  });

  it("answers null where there is no body", async () => {
    expect(await asking({ status: 204 })).toEqual({ status: 204, body: null });
  });

  it("throws what the API refuses, with its problem as it came", async () => {
    const problem = { title: "No such tenant.", status: 404, code: "tenant_not_found", requestId: "req_1" };
    expect(await problemOf(asking({ status: 404, body: problem }))).toEqual(problem);
  });

  it("says so when something else answers", async () => {
    const html = { headers: { "content-type": "text/html" }, body: "<h1>Hello</h1>" };
    expect(await problemOf(asking({ status: 404, ...html }))).toMatchObject({ code: "not_tenantry" });
    expect(await problemOf(asking({ status: 200, ...html }))).toMatchObject({ code: "not_tenantry" });
  });

  it("doesn't take the key to where it is redirected", async () => {
    await using other = await startFakeApi(() => ({ body: {} }));
    const problem = await problemOf(
      asking({ status: 307, headers: { location: `${other.url}/v1/tenants` } }),
    );
    expect(problem).toMatchObject({ code: "not_tenantry" });
    expect(problem?.title).toContain(other.url);
    expect(other.asked).toEqual([]);
  });

  it("says that nobody answers, and how to start it, where it should run on this machine", async () => {
    const problem = await problemOf(createClient({ url: await deadAddress(), apiKey: key }).call("GET", "/"));
    expect(problem).toMatchObject({ code: "installation_unreachable" });
    expect(problem?.title).toContain("doesn't answer (ECONNREFUSED)");
    expect(problem?.remedy).toContain("npm start");
  });

  it("gives up after its deadline, and says that the outcome isn't known", async () => {
    await using api = await startFakeApi(() => ({ events: [], open: true }));
    const client = createClient({ url: api.url, apiKey: key }, { deadlineMs: 50 });
    const problem = await problemOf(client.call("DELETE", "/v1/tenants/acme"));
    expect(problem?.title).toContain("took too long");
    expect(problem?.remedy).toContain("isn't known");
  });
});

describe("following events", () => {
  it("passes each on, until the server ends", async () => {
    await using api = await startFakeApi(() => ({ events: [{ n: 1 }, { n: 2 }] }));
    const events = createClient({ url: api.url, apiKey: key }).events("/v1/events/stream", {
      lastEventId: "7",
    });
    expect(await Array.fromAsync(events)).toMatchObject([{ data: { n: 1 } }, { data: { n: 2 } }]);
    expect(api.asked[0]!.headers["last-event-id"]).toBe("7");
  });

  it("ends a stream that has fallen silent", async () => {
    await using api = await startFakeApi(() => ({ events: [{ n: 1 }], open: true }));
    const client = createClient({ url: api.url, apiKey: key }, { silenceMs: 100 });
    const events = client.events("/v1/operations/op_1/events");
    expect((await events.next()).value).toMatchObject({ data: { n: 1 } });
    expect(await problemOf(events.next())).toMatchObject({ code: "installation_unreachable" });
  });
});

/** Where nobody listens any more. */
async function deadAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}
