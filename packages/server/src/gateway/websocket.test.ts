import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestSite, testSite } from "../testing/gateway.ts";
import { waitUntil } from "../testing/wait-until.ts";

let site: TestSite;
let seen: IncomingMessage;
let far: Duplex;
let farClosed = false;
let early = "";

beforeAll(async () => {
  site = await testSite();
  site.application.server.on("upgrade", (request, socket, head) => {
    seen = request;
    far = socket;
    farClosed = false;
    early = String(head);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      farClosed = true;
    });
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    // The first words of the application travel with its head.
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\nwelcome`,
    );
    socket.on("data", (data) => socket.write(`echo ${data}`));
    socket.on("end", () => socket.end());
  });
});
afterAll(() => site?.stop());

const upgrade = (...headers: string[]) =>
  [
    "GET /chat?x=1 HTTP/1.1",
    "Host: acme.localhost",
    "Connection: Upgrade",
    "Upgrade: WebSocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    ...headers,
    "",
    "",
  ].join("\r\n");

test("a WebSocket is opened, with what both sides said early, and speaks in both directions", async () => {
  const connection = site.connect();
  connection.write(`${upgrade("Tenantry-Token: forged")}early`);
  const head = await connection.until("welcome");
  expect(head).toMatch(/^HTTP\/1.1 101 Switching Protocols\r\n/);
  expect(head).toContain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
  expect(seen.url).toBe("/chat?x=1");
  expect(seen.headers["tenantry-token"]).toMatch(/^ey/);
  await waitUntil(
    "what the client said early is there",
    () => early === "early" || connection.received().includes("echo early"),
  );
  connection.write("ping");
  await connection.until("echo ping");
  far.write("pushed");
  await connection.until("pushed");
  connection.socket.destroy();
  await waitUntil("the application's end is closed", () => farClosed);
});

test("when the application closes, the client's end closes", async () => {
  const connection = site.connect();
  connection.write(upgrade());
  await connection.until("welcome");
  far.end("bye");
  expect(await connection.closed()).toMatch(/bye$/);
});

test("a client that says it is done is heard to the end", async () => {
  const connection = site.connect();
  connection.write(upgrade());
  await connection.until("welcome");
  connection.socket.end("last words");
  expect(await connection.closed()).toMatch(/echo last words$/);
});

test("open WebSockets are counted, and are over when they close", async () => {
  await waitUntil("none is open", () => site.tested.gateway.stats().upgraded === 0);
  const connection = site.connect();
  connection.write(upgrade());
  await connection.until("welcome");
  expect(site.tested.gateway.stats()).toMatchObject({ upgraded: 1, active: 1 });
  connection.socket.destroy();
  await waitUntil("it is over", () => site.tested.gateway.stats().upgraded === 0);
  expect(site.tested.gateway.stats().active).toBe(0);
});

test("a large message passes unharmed, held back by whoever reads slowly", async () => {
  const connection = site.connect();
  connection.write(upgrade());
  await connection.until("welcome");
  far.removeAllListeners("data");
  let arrived = 0;
  far.on("data", (data: Buffer) => {
    arrived += data.length;
  });
  far.pause();
  connection.write(Buffer.alloc(20_000_000));
  connection.socket.pause();
  far.write(Buffer.alloc(20_000_000, "x"));
  far.resume();
  connection.socket.resume();
  await waitUntil("all of it is there", () => arrived === 20_000_000);
  await waitUntil("all of it is here", () => connection.received().length > 20_000_000);
  connection.socket.destroy();
});

test("an application that refuses the upgrade is heard", async () => {
  const listeners = site.application.server.listeners("upgrade");
  site.application.server.removeAllListeners("upgrade");
  site.answer = (_request, response) => response.writeHead(426, { "X-Why": "no" }).end("not here");
  const connection = site.connect();
  connection.write(upgrade());
  const text = await connection.closed();
  expect(text).toMatch(/^HTTP\/1.1 426 Upgrade Required\r\n[\s\S]*not here/);
  for (const listener of listeners) site.application.server.on("upgrade", listener as () => void);
});

test("a suspended host refuses the upgrade, and its application is never dialled", async () => {
  await site.registry.routes(["asleep.localhost"], { upstreamId: site.upstreamId, status: "suspended" });
  await site.tested.caughtUp();
  const connection = site.connect();
  connection.write(upgrade().replace("acme.localhost", "asleep.localhost"));
  expect(await connection.closed()).toMatch(/^HTTP\/1.1 503 /);
});
