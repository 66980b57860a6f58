import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  rawConnection,
  type TestGateway,
  type TestRegistry,
  type TestUpstream,
  testGateway,
  testRegistry,
  testUpstream,
} from "../testing/gateway.ts";
import { waitUntil } from "../testing/wait-until.ts";

let registry: TestRegistry;
let tested: TestGateway;
let application: TestUpstream;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeAll(async () => {
  registry = await testRegistry();
  application = await testUpstream((request, response) => answer(request, response));
  tested = await testGateway(registry, { limits: { maxBodyBytes: 1_000_000 } });
  const upstreamId = await registry.upstream([application.url]);
  await registry.routes(["acme.localhost"], { upstreamId });
  await tested.caughtUp();
});

beforeEach(() => {
  answer = (_request, response) => response.end("hello");
});

afterAll(async () => {
  await tested?.stop();
  await application?.close();
  await registry?.stop();
});

/** Sends one request as it stands and gives back everything that was answered until the connection closed. */
async function exchange(text: string): Promise<string> {
  const connection = rawConnection(tested.port);
  connection.write(text);
  return connection.closed();
}

const get = (path: string, more = "") =>
  `GET ${path} HTTP/1.1\r\nHost: acme.localhost\r\nConnection: close\r\n${more}\r\n`;

test("a request reaches the application of its host with method, path, query and body as they were", async () => {
  let seen = "";
  answer = async (request, response) => {
    const chunks = await request.toArray();
    seen = `${request.method} ${request.url} ${request.headers.host} ${Buffer.concat(chunks)}`;
    response.statusCode = 201;
    response.setHeader("X-Answer", "yes");
    response.end("made");
  };
  const text = await exchange(
    "PATCH /a%2Fb/%5fc/..;/d?x=1&y=%00 HTTP/1.1\r\nHost: Acme.LOCALHOST.:8585\r\n" +
      "Content-Length: 3\r\nConnection: close\r\n\r\nabc",
  );
  expect(seen).toBe("PATCH /a%2Fb/%5fc/..;/d?x=1&y=%00 Acme.LOCALHOST.:8585 abc");
  expect(text).toMatch(/^HTTP\/1.1 201 Created\r\n/);
  expect(text).toMatch(/\r\nx-answer: yes\r\n/i);
  expect(text).toMatch(/\r\n\r\nmade$/);
});

test("one connection carries many requests, pipelined ones are answered in order", async () => {
  answer = (request, response) => {
    const delayMs = request.url === "/1" ? 40 : 0;
    setTimeout(() => response.end(`answer ${request.url}`), delayMs);
  };
  const connection = rawConnection(tested.port);
  connection.write(
    "GET /1 HTTP/1.1\r\nHost: acme.localhost\r\n\r\nGET /2 HTTP/1.1\r\nHost: acme.localhost\r\n\r\n",
  );
  const text = await connection.until("answer /2");
  expect(text.indexOf("answer /1")).toBeGreaterThan(0);
  expect(text.indexOf("answer /1")).toBeLessThan(text.indexOf("answer /2"));
  connection.write(get("/3"));
  expect(await connection.closed()).toContain("answer /3");
});

test("a chunked body is streamed to the application while the client is still sending", async () => {
  const arrived: string[] = [];
  answer = (request, response) => {
    request.on("data", (chunk) => arrived.push(String(chunk)));
    request.on("end", () => response.end(arrived.join("|")));
  };
  const connection = rawConnection(tested.port);
  connection.write(
    "POST / HTTP/1.1\r\nHost: acme.localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\none\r\n",
  );
  await waitUntil("the first piece is there", () => arrived.length === 1);
  connection.write("3;ext=1\r\ntwo\r\n0\r\nTenantry-Token: forged\r\n\r\n");
  expect(await connection.closed()).toMatch(/one\|two$/);
});

test("an answer is streamed to the client piece by piece, server-sent events included", async () => {
  let events: ServerResponse | undefined;
  answer = (_request, response) => {
    events = response;
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.flushHeaders();
  };
  const connection = rawConnection(tested.port);
  connection.write("GET /events HTTP/1.1\r\nHost: acme.localhost\r\n\r\n");
  // The head must not wait for the first event.
  await connection.until("text/event-stream");
  events?.write("data: 1\n\n");
  await connection.until("data: 1");
  events?.write("data: 2\n\n");
  await connection.until("data: 2");
  connection.socket.destroy();
  await once(events as ServerResponse, "close");
});

test("large bodies pass unharmed in both directions", async () => {
  const sent = randomBytes(900_000);
  answer = (request, response) => request.pipe(response);
  const connection = rawConnection(tested.port);
  connection.write(
    `POST / HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: ${sent.length}\r\nConnection: close\r\n\r\n`,
  );
  connection.write(sent);
  const text = await connection.closed();
  const chunked = text.slice(text.indexOf("\r\n\r\n") + 4);
  expect(text).toMatch(/transfer-encoding: chunked/i);
  expect(Buffer.from(unchunk(chunked), "latin1").equals(sent)).toBe(true);
});

function unchunk(text: string): string {
  let plain = "";
  for (let at = 0; ; ) {
    const end = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, end), 16);
    if (size === 0) return plain;
    plain += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}

test("the gateway listens on both loopback families", async () => {
  const connection = rawConnection(tested.port, "::1");
  connection.write(get("/"));
  expect(await connection.closed()).toMatch(/^HTTP\/1.1 200 OK[\s\S]*hello$/);
});
