import { connect } from "node:net";
import { beforeEach, describe, expect, it } from "vitest";
import { asOperator, createTestApi } from "../../testing/api.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { type Api, closeApi } from "./index.ts";

let api: Api;
let port: number;
let asked: number;
let letGo: () => void;
let isDraining: boolean;
beforeEach(async () => {
  asked = 0;
  isDraining = false;
  const { promise, resolve } = Promise.withResolvers<void>();
  letGo = resolve;
  api = await createTestApi({
    isDraining: () => isDraining,
    groups: [
      (at) => {
        at.get(
          "/v1/slow",
          {
            config: { permission: "tenants:read" },
            schema: { operationId: "slow", summary: "Slow", tags: ["test"] },
          },
          async () => {
            asked += 1;
            await promise;
            return { ok: true };
          },
        );
      },
    ],
  });
  await api.listen({ host: "localhost", port: 0 });
  ({ port } = api.server.address() as { port: number });
});

const ask = (path: string) => fetch(`http://localhost:${port}${path}`, { headers: asOperator });

describe("an API that stops", () => {
  it("says that it isn't ready while it still answers everything else", async () => {
    isDraining = true;
    expect((await ask("/readyz")).status).toBe(503);
    expect((await ask("/healthz")).status).toBe(200);
    letGo();
    expect((await ask("/v1/slow")).status).toBe(200);
    await closeApi(api, { drainMs: 10_000 });
  });

  it("answers the request under way, and takes no other", async () => {
    const reply = ask("/v1/slow");
    await waitUntil("it was asked", () => asked === 1);
    const closed = closeApi(api, { drainMs: 30_000 });
    await waitUntil("it takes nobody", () =>
      ask("/healthz").then(
        () => false,
        () => true,
      ),
    );
    letGo();
    expect((await reply).status).toBe(200);
    await closed;
  });

  it("cuts off what isn't answered in time, and doesn't wait for half a request", async () => {
    const half = connect(port, "127.0.0.1");
    half.on("error", () => undefined).write("GET /healthz HTTP/1.1\r\nHost:");
    const failed = ask("/v1/slow").then(
      () => "answered",
      () => "cut off",
    );
    await waitUntil("it was asked", () => asked === 1);
    const startedAt = performance.now();
    await closeApi(api, { drainMs: 100 });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(await failed).toBe("cut off");
    half.destroy();
    letGo();
  });
});
