import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { ClientHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type TestSite, testSite } from "../../testing/gateway.ts";
import { answerOf, type Http2Client, http2Client } from "../../testing/http2.ts";
import { waitUntil } from "../../testing/wait-until.ts";

let site: TestSite;
let client: Http2Client;
let seen: IncomingMessage | undefined;
let far: Duplex;
let farClosed: boolean;
let proofOf: (key: string) => string;

const rightProof = (key: string) =>
  createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

beforeAll(async () => {
  site = await testSite();
  site.application.server.on("upgrade", (request, socket) => {
    [seen, far, farClosed] = [request, socket, false];
    socket.on("error", () => undefined);
    socket.on("close", () => {
      farClosed = true;
    });
    const proof = proofOf(request.headers["sec-websocket-key"]!);
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${proof}\r\nSec-WebSocket-Protocol: chat\r\n\r\nwelcome`,
    );
    socket.on("data", (data) => socket.write(`echo ${data}`));
    socket.on("end", () => socket.end());
  });
});
beforeEach(async () => {
  proofOf = rightProof;
  seen = undefined;
  client = http2Client(site.tested.port);
  await waitUntil(
    "the gateway has said what it can",
    () => client.session.remoteSettings?.maxConcurrentStreams,
  );
});
afterEach(() => client?.close());
afterAll(() => site?.stop());

function ask(headers: Record<string, string> = {}): ClientHttp2Stream {
  const ours = { ":method": "CONNECT", ":protocol": "websocket", ":path": "/chat?x=1" };
  return client.start(
    { ...ours, "sec-websocket-version": "13", "sec-websocket-protocol": "chat", ...headers },
    true,
  );
}

function listenTo(stream: ClientHttp2Stream): { text(): string } {
  let text = "";
  stream.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  return { text: () => text };
}

const opened = (stream: ClientHttp2Stream) =>
  new Promise<Record<string, unknown>>((resolve) => stream.once("response", resolve));

test("the gateway tells browsers that WebSockets may share its connection", () => {
  expect(client.session.remoteSettings.enableConnectProtocol).toBe(true);
});

test("a WebSocket is opened on a stream, beside others, and speaks in both directions", async () => {
  const stream = ask({ "tenantry-token": "forged", "sec-websocket-key": "mine" });
  const heard = listenTo(stream);
  const head = await opened(stream);
  expect(head).toMatchObject({ ":status": 200, "sec-websocket-protocol": "chat" });
  expect(head["tenantry-request-id"]).toEqual(expect.any(String));
  expect(Object.keys(head)).not.toContain("sec-websocket-accept");
  expect(seen).toMatchObject({ method: "GET", url: "/chat?x=1" });
  expect(seen!.headers).toMatchObject({
    host: "acme.localhost",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "tenantry-token": expect.stringMatching(/^ey/),
  });
  expect(seen!.headers["sec-websocket-key"]).toMatch(/^[\w+/]{22}==$/);
  expect(seen!.headers["transfer-encoding"]).toBe(undefined);
  await waitUntil("the application's first words are here", () => heard.text() === "welcome");
  stream.write("ping");
  await waitUntil("it answers", () => heard.text().endsWith("echo ping"));
  expect(site.tested.gateway.stats()).toMatchObject({ upgraded: 1 });
  expect(String((await client.ask({ ":path": "/" })).body)).toBe("hello");
  stream.close();
  await waitUntil("the application's end is closed", () => farClosed);
  await waitUntil("it is over", () => site.tested.gateway.stats().upgraded === 0);
  expect(site.tested.gateway.stats().active).toBe(0);
});

test("when the application closes, the stream ends, with its last words", async () => {
  const stream = ask();
  const heard = listenTo(stream);
  await opened(stream);
  const closed = new Promise((resolve) => stream.once("close", resolve));
  far.end("bye");
  await closed;
  expect(heard.text()).toMatch(/bye$/);
  expect(client.session.destroyed).toBe(false);
});

test("a client that says it is done is heard to the end", async () => {
  const stream = ask();
  const heard = listenTo(stream);
  await opened(stream);
  stream.end("last words");
  await waitUntil("the echo is here", () => heard.text().endsWith("echo last words"));
  await waitUntil("the application's end is closed", () => farClosed);
});

test("a large message passes unharmed in both directions, past every window", async () => {
  const stream = ask();
  await opened(stream);
  far.removeAllListeners("data");
  let [arrived, returned] = [0, 0];
  far.on("data", (data: Buffer) => {
    arrived += data.length;
  });
  stream.on("data", (data: Buffer) => {
    returned += data.length;
  });
  stream.write(Buffer.alloc(5_000_000));
  far.write(Buffer.alloc(5_000_000, "x"));
  await waitUntil("all of it is there, and here", () => arrived === 5_000_000 && returned >= 5_000_000);
  stream.close();
});

test("an application that refuses is heard; one that agrees to something else is not believed", async () => {
  const listeners = site.application.server.listeners("upgrade");
  site.application.server.removeAllListeners("upgrade");
  site.answer = (_request, response) => response.writeHead(426, { "X-Why": "no" }).end("not here");
  const refused = await answerOf(ask());
  expect([refused.status, refused.headers["x-why"], String(refused.body)]).toEqual([426, "no", "not here"]);
  for (const listener of listeners) site.application.server.on("upgrade", listener as () => void);
  site.answer = (_request, response) => response.end("hello");
  proofOf = () => rightProof("somebody else's key");
  expect((await answerOf(ask())).status).toBe(502);
  await waitUntil("the application's end is closed", () => farClosed);
});

test("a suspended host refuses, and ends what is open at once", async () => {
  await site.registry.routes(["asleep.localhost"], { upstreamId: site.upstreamId });
  await site.tested.caughtUp();
  const stream = ask({ ":authority": "asleep.localhost" });
  stream.resume();
  await opened(stream);
  const closed = new Promise((resolve) => stream.once("close", resolve));
  await site.registry.routes(["asleep.localhost"], { upstreamId: site.upstreamId, status: "suspended" });
  await site.tested.caughtUp();
  await closed;
  seen = undefined;
  expect((await answerOf(ask({ ":authority": "asleep.localhost" }))).status).toBe(503);
  expect(seen).toBe(undefined);
});

test.each([
  ["another protocol", { ":protocol": "connect-udp" }, 405],
  ["a length", { "content-length": "5" }, 400],
  ["a path that is none, as a broken stream", { ":path": "chat" }, 0],
])("%s is refused, and the application never asked", async (_what, headers, status) => {
  expect((await answerOf(ask(headers as Record<string, string>))).status).toBe(status);
  expect(seen).toBe(undefined);
});
