import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestUpstream, testGateway, testUpstream } from "../testing/gateway.ts";
import { getRequest, parseAnswer, rawConnection } from "../testing/raw-http.ts";
import { type TestRoutes, testRoutes } from "../testing/routes.ts";
import { waitUntil } from "../testing/wait-until.ts";

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

const keptRequest = (path: string) => getRequest(path).replace("Connection: close\r\n", "");

function refused(port: number): Promise<boolean> {
  const { socket } = rawConnection(port);
  return new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(false)).once("error", () => resolve(true));
  }).finally(() => socket.destroy());
}

test("a gateway that closes takes nobody new, lets requests finish, and says that the connection closes", async () => {
  const tested = await testGateway(registry);
  const idle = rawConnection(tested.port);
  idle.write(keptRequest("/"));
  await idle.until("hello");
  const busy = rawConnection(tested.port);
  busy.write(keptRequest("/held"));
  await waitUntil("the request is at the application", () => held.length === 1);

  const closing = tested.gateway.close({ drainMs: 30_000 });
  await idle.closed();
  expect(await refused(tested.port)).toBe(true);
  held.pop()?.end("at last");
  const { head, body } = parseAnswer(await busy.closed());
  expect(body).toBe("at last");
  expect(head).toMatch(/\r\nconnection: close/i);
  await closing;
  await tested.stop();
});

test("an answer that had begun before is finished, and its connection closed after it", async () => {
  const tested = await testGateway(registry);
  const busy = rawConnection(tested.port);
  busy.write(keptRequest("/held"));
  await waitUntil("the request is at the application", () => held.length === 1);
  held[0]?.write("begun ");
  await busy.until("begun");
  const closing = tested.gateway.close({ drainMs: 30_000 });
  held.pop()?.end("done");
  expect(parseAnswer(await busy.closed()).body).toBe("begun done");
  await closing;
  await tested.stop();
});

test("what isn't finished in time is cut off, and closing twice is closing once", async () => {
  const tested = await testGateway(registry);
  const busy = rawConnection(tested.port);
  busy.write(keptRequest("/held"));
  await waitUntil("the request is at the application", () => held.length === 1);
  const closing = tested.gateway.close({ drainMs: 100 });
  expect(tested.gateway.close()).toBe(closing);
  await closing;
  expect(await busy.closed()).toBe("");
  held.pop();
  await tested.stop();
});

test("more connections than allowed are closed at once; the others go on", async () => {
  const tested = await testGateway(registry, { limits: { maxConnections: 2 } });
  await tested.caughtUp();
  const connections = [rawConnection(tested.port), rawConnection(tested.port)];
  for (const connection of connections) {
    connection.write(keptRequest("/"));
    await connection.until("hello");
  }
  const further = rawConnection(tested.port);
  expect(await further.closed()).toBe("");
  connections[0]?.write(getRequest("/"));
  expect(await connections[0]?.closed()).toMatch(/hello[\s\S]*hello$/);
  connections[1]?.socket.destroy();
  await tested.stop();
});

test("a port that is taken is an error that says so", async () => {
  const tested = await testGateway(registry);
  await expect(testGateway(registry, { listen: { port: tested.port } })).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
  await tested.stop();
});
