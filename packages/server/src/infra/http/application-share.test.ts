import { afterEach, beforeEach, expect, it } from "vitest";
import { createTestApi } from "../../testing/api.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { type Api, bearerKey, sendEvents } from "./index.ts";

let api: Api;
let underWay: string[];
let proceed: () => void;

beforeEach(async () => {
  underWay = [];
  const gate = new Promise<void>((resolve) => {
    proceed = resolve;
  });
  const schema = (name: string) => ({ operationId: name, summary: name, tags: ["test"] });
  const config = { permission: "runtime:read", quiet: true } as const;
  api = await createTestApi({
    groups: [
      (at) => {
        at.get("/v1/slow", { config, schema: schema("slow") }, async (request) => {
          underWay.push(bearerKey(request)!);
          await gate;
          return {};
        });
        at.get("/v1/followed", { config, schema: schema("followed") }, (request, reply) =>
          sendEvents(request, reply, async function* ({ signal }) {
            yield { data: bearerKey(request) };
            await new Promise((resolve) => signal.addEventListener("abort", resolve));
          }),
        );
        at.get("/v1/broken", { config, schema: schema("broken") }, async () => {
          throw new Error("broken");
        });
      },
    ],
    authenticate: async (request) => {
      const appId = bearerKey(request) ?? "";
      return appId === "" ? undefined : { kind: "app", keyId: `key of ${appId}`, appId };
    },
  });
});
afterEach(async () => {
  proceed();
  await api.close();
});

const ask = (app: string, url = "/v1/slow") =>
  api.inject({ url, headers: { authorization: `Bearer ${app}` } });

it("an application with very many requests under way leaves the others theirs, and is served again when they are done", async () => {
  const many = Array.from({ length: 600 }, () => ask("hostile"));
  await waitUntil("three quarters of all are under way", () => underWay.length === 384);
  const others = Array.from({ length: 90 }, () => ask("honest"));
  await waitUntil("the others are, too", () => underWay.length === 384 + 90);
  expect((await ask("hostile")).json()).toMatchObject({ code: "busy", status: 503 });
  proceed();
  const statuses = (await Promise.all([...many, ...others])).map(({ statusCode }) => statusCode);
  expect(statuses.filter((status) => status === 200)).toHaveLength(384 + 90);
  expect((await ask("hostile")).statusCode).toBe(200);
});

it("what was refused, broke, or is followed from then on holds no place", async () => {
  for (let count = 0; count < 400; count += 1) await ask("hostile", count % 2 ? "/v1/broken" : "/v1/nothing");
  const address = await api.listen({ host: "127.0.0.1", port: 0 });
  const gone = new AbortController();
  const headers = { authorization: "Bearer hostile" };
  const follow = () => fetch(`${address}/v1/followed`, { headers, signal: gone.signal });
  for (let count = 0; count < 20; count += 1) await Promise.all(Array.from({ length: 20 }, follow));
  proceed();
  expect((await ask("hostile")).statusCode).toBe(200);
  gone.abort();
});
