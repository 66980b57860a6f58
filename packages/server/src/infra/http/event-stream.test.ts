import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { asOperator, createTestApi } from "../../testing/api.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { type Api, type ServerEvent, sendEvents } from "./index.ts";

let api: Api;
let url: string;
let stopped = 0;
let seen: string | undefined;

async function* count(lastEventId: string | undefined, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  seen = lastEventId;
  try {
    yield { event: "progress", id: "1", data: { fraction: 0.5, message: "half\nway" } };
    yield { data: "plain" };
    if (!signal.aborted) await once(signal, "abort");
  } finally {
    stopped += 1;
  }
}

beforeEach(async () => {
  stopped = 0;
  api = await createTestApi({
    groups: [
      (at) => {
        at.get(
          "/v1/events",
          {
            config: { permission: "operations:read" },
            schema: { operationId: "events", summary: "Events", tags: ["test"] },
          },
          async (request, reply) =>
            sendEvents(request, reply, ({ lastEventId, signal }) => count(lastEventId, signal)),
        );
      },
    ],
  });
  await api.listen({ host: "127.0.0.1", port: 0 });
  url = `http://127.0.0.1:${(api.server.address() as { port: number }).port}/v1/events`;
});
afterEach(async () => api.close());

async function open(headers: Record<string, string> = {}) {
  const client = new AbortController();
  const reply = await fetch(url, { headers: { ...asOperator, ...headers }, signal: client.signal });
  const reader = reply.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const readUntil = async (end: string): Promise<string> => {
    while (!text.includes(end)) {
      const { value, done } = await reader.read();
      if (done) return text;
      text += value;
    }
    return text;
  };
  return { client, reply, readUntil };
}

describe("event streams", () => {
  it("send each event at once, as JSON on one line", async () => {
    const { reply, readUntil } = await open();
    expect(reply.headers.get("content-type")).toBe("text/event-stream");
    expect(await readUntil("plain")).toBe(
      'retry: 1000\n\nid: 1\nevent: progress\ndata: {"fraction":0.5,"message":"half\\nway"}\n\ndata: "plain"\n\n',
    );
  });

  it("go on from the event that the client saw last", async () => {
    const { readUntil } = await open({ "last-event-id": "41" });
    await readUntil("plain");
    expect(seen).toBe("41");
  });

  it("stop their source when the client goes", async () => {
    const { client, readUntil } = await open();
    await readUntil("plain");
    client.abort();
    await waitUntil("the source stopped", () => stopped === 1);
  });

  it("end when the API closes, which doesn't wait for them", async () => {
    const { readUntil } = await open();
    await readUntil("plain");
    await api.close();
    await readUntil("never");
    await waitUntil("the source stopped", () => stopped === 1);
  });
});
