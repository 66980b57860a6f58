import type { ServerResponse } from "node:http";
import { constants } from "node:http2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestUpstream, testGateway, testUpstream } from "../../testing/gateway.ts";
import { answerOf, http2Client } from "../../testing/http2.ts";
import { rawConnection } from "../../testing/raw-http.ts";
import { type TestRoutes, testRoutes } from "../../testing/routes.ts";
import { waitUntil } from "../../testing/wait-until.ts";

let registry: TestRoutes;
let application: TestUpstream;
const held: ServerResponse[] = [];

beforeAll(async () => {
  registry = await testRoutes();
  application = await testUpstream((request, response) => {
    if (request.url === "/held") held.push(response);
    else response.end("hello");
  });
  const upstreamId = await registry.upstream([application.url]);
  await registry.routes(["acme.localhost"], { upstreamId });
});
afterAll(async () => {
  await application?.close();
  await registry?.close();
});

test("a gateway that closes says so at once, lets requests finish, and takes no new ones", async () => {
  const tested = await testGateway(registry);
  await tested.caughtUp();
  const idle = http2Client(tested.port);
  expect((await idle.ask()).status).toBe(200);
  const silent = rawConnection(tested.port);
  const client = http2Client(tested.port);
  const goaways: number[] = [];
  client.session.on("goaway", (code) => goaways.push(code));
  const answer = client.ask({ ":path": "/held" });
  await waitUntil("the request is at the application", () => held.length === 1);

  const closing = tested.gateway.close({ drainMs: 30_000 });
  await idle.closed;
  expect(await silent.closed()).toBe("");
  await waitUntil("the client is told", () => goaways.length > 0);
  expect(goaways).toEqual([constants.NGHTTP2_NO_ERROR]);
  held.pop()?.end("at last");
  expect(String((await answer).body)).toBe("at last");
  await client.closed;
  await closing;
  await tested.stop();
});

test("what isn't finished in time is cut off", async () => {
  const tested = await testGateway(registry);
  await tested.caughtUp();
  const client = http2Client(tested.port);
  const answer = answerOf(client.start({ ":path": "/held" }));
  await waitUntil("the request is at the application", () => held.length === 1);
  await tested.gateway.close({ drainMs: 100 });
  expect((await answer).status).toBe(0);
  await client.closed;
  held.pop();
  await tested.stop();
});
