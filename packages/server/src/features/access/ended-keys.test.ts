import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { newId, showId } from "../../kernel/index.ts";
import { type Composed, composedApi } from "../../testing/composed.ts";
import { createApiKey } from "./index.ts";

let composed: Composed;
let url: string;
let operationId: string;
beforeAll(async () => {
  composed = await composedApi();
  await composed.api.listen({ host: "127.0.0.1", port: 0 });
  url = `http://127.0.0.1:${(composed.api.server.address() as AddressInfo).port}`;
  const id = newId();
  await sql`
    insert into operations (id, kind, definition_version, status) values (${id}, 'test', 1, 'needs_operator')
  `.execute(composed.registry.db);
  operationId = showId("op", id);
});
afterAll(() => composed.close());

type Key = { id: string; key: string };

const makeKey = (kind: "operator" | "app"): Promise<Key> =>
  inTransaction(composed.registry.db, (tx) =>
    createApiKey(tx, kind === "app" ? { kind, appId: composed.sitesId, name: "x" } : { kind, name: "x" }),
  );

/** Follows a stream by a key; the stream has begun when it resolves. */
async function follow(path: string, { key }: Key) {
  const reply = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
  expect(reply.status).toBe(200);
  const reader = reply.body!.getReader();
  await reader.read();
  let isOver = false;
  const ended = (async () => {
    while (!(await reader.read()).done);
    isOver = true;
  })();
  return { ended, isOver: () => isOver, cancel: () => reader.cancel() };
}

const streams = (): ["operator" | "app", string][] => [
  ["operator", "/v1/events/stream"],
  ["operator", `/v1/operations/${operationId}/events`],
  ["app", "/v1/runtime/stream"],
];

const endings: Record<string, (key: Key) => Promise<unknown>> = {
  "is ended": ({ id }) =>
    composed.api.inject({
      method: "DELETE",
      url: `/v1/keys/${showId("key", id)}`,
      headers: composed.asOperator,
    }),
  "runs out": ({ id }) =>
    sql`update api_keys set expires_at = now() where id = ${id}`.execute(composed.registry.db),
  "goes with the process that it was made for": ({ id }) =>
    sql`delete from api_keys where id = ${id}`.execute(composed.registry.db),
};

describe("event streams of a key end within seconds when it", () => {
  it.each(Object.keys(endings))("%s, and other keys' streams go on", async (how) => {
    const keys = { operator: await makeKey("operator"), app: await makeKey("app") };
    const others = { operator: await makeKey("operator"), app: await makeKey("app") };
    const ending = await Promise.all(streams().map(([kind, path]) => follow(path, keys[kind])));
    const going = await Promise.all(streams().map(([kind, path]) => follow(path, others[kind])));
    for (const key of Object.values(keys)) await endings[how]!(key);
    await Promise.all(ending.map((stream) => stream.ended));
    expect(going.map((stream) => stream.isOver())).toEqual([false, false, false]);
    await Promise.all(going.map((stream) => stream.cancel()));
  });
});
