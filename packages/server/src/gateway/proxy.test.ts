import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type TestSite, testSite } from "../testing/gateway.ts";
import { largeAnswer } from "../testing/large-answer.ts";
import { getRequest, parseAnswer, rawConnection } from "../testing/raw-http.ts";
import { waitUntil } from "../testing/wait-until.ts";

let site: TestSite;

beforeAll(async () => {
  site = await testSite();
});
beforeEach(() => {
  site.answer = (_request, response) => response.end("hello");
});
afterAll(() => site?.stop());

test("a request reaches the application of its host with method, path, query and body as they were", async () => {
  let seen = "";
  site.answer = async (request, response) => {
    const chunks = await request.toArray();
    seen = `${request.method} ${request.url} ${request.headers.host} ${Buffer.concat(chunks)}`;
    response.statusCode = 201;
    response.setHeader("X-Answer", "yes");
    response.end("made");
  };
  const text = await site.exchange(
    "PATCH /a%2Fb/%5fc/..;/d?x=1&y=%00 HTTP/1.1\r\nHost: Acme.LOCALHOST.:8585\r\n" +
      "Content-Length: 3\r\nConnection: close\r\n\r\nabc",
  );
  expect(seen).toBe("PATCH /a%2Fb/%5fc/..;/d?x=1&y=%00 Acme.LOCALHOST.:8585 abc");
  expect(text).toMatch(/^HTTP\/1.1 201 Created\r\n/);
  expect(text).toMatch(/\r\nx-answer: yes\r\n/i);
  expect(text).toMatch(/\r\n\r\nmade$/);
});

test("one connection carries many requests, pipelined ones are answered in order", async () => {
  site.answer = (request, response) => {
    const delayMs = request.url === "/1" ? 40 : 0;
    setTimeout(() => response.end(`answer ${request.url}`), delayMs);
  };
  const connection = site.connect();
  const head = "HTTP/1.1\r\nHost: acme.localhost\r\n\r\n";
  connection.write(`GET /1 ${head}GET /2 ${head}`);
  const text = await connection.until("answer /2");
  expect(text.indexOf("answer /1")).toBeGreaterThan(0);
  expect(text.indexOf("answer /1")).toBeLessThan(text.indexOf("answer /2"));
  connection.write(getRequest("/3"));
  expect(await connection.closed()).toContain("answer /3");
});

test("connections to the application are kept and used again", async () => {
  const connections = new Set<unknown>();
  site.answer = (request, response) => {
    connections.add(request.socket);
    response.end();
  };
  const connection = site.connect();
  for (let turn = 1; turn <= 5; turn += 1) {
    connection.write("GET / HTTP/1.1\r\nHost: acme.localhost\r\n\r\n");
    await waitUntil(
      "the answer is there",
      () => connection.received().split("HTTP/1.1 200").length === turn + 1,
    );
  }
  expect(connections.size).toBe(1);
  connection.socket.destroy();
});

test("a chunked body is streamed to the application while the client is still sending", async () => {
  const arrived: string[] = [];
  let trailers: unknown;
  site.answer = (request, response) => {
    request.on("data", (chunk) => arrived.push(String(chunk)));
    request.on("end", () => {
      trailers = request.rawTrailers;
      response.end(arrived.join("|"));
    });
  };
  const connection = site.connect();
  connection.write(
    "POST / HTTP/1.1\r\nHost: acme.localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\none\r\n",
  );
  await waitUntil("the first piece is there", () => arrived.length === 1);
  connection.write("3;ext=1\r\ntwo\r\n0\r\nTenantry-Token: forged\r\n\r\n");
  expect(parseAnswer(await connection.closed()).body).toBe("one|two");
  expect(trailers).toEqual([]);
});

test("server-sent events reach the client one by one, and their head before the first of them", async () => {
  let events: ServerResponse | undefined;
  site.answer = (_request, response) => {
    events = response;
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.flushHeaders();
  };
  const connection = site.connect();
  connection.write("GET /events HTTP/1.1\r\nHost: acme.localhost\r\n\r\n");
  await connection.until("text/event-stream");
  events?.write("data: 1\n\n");
  await connection.until("data: 1");
  events?.write("data: 2\n\n");
  await connection.until("data: 2");
  connection.socket.destroy();
  await once(events as ServerResponse, "close");
});

test.each([
  [
    "in chunks",
    "Transfer-Encoding: chunked",
    (sent: Buffer) => {
      const half = sent.length / 2;
      const pieces = [sent.subarray(0, half), sent.subarray(half)];
      const chunks = pieces.flatMap((piece) => [`${piece.length.toString(16)}\r\n`, piece, "\r\n"]);
      return Buffer.concat([...chunks, "0\r\n\r\n"].map((part) => Buffer.from(part)));
    },
  ],
  ["with its length", "Content-Length: 3000000", (sent: Buffer) => sent],
])("a large body passes unharmed in both directions %s", async (_name, framing, encode) => {
  const sent = randomBytes(3_000_000);
  site.answer = (request, response) => request.pipe(response);
  const connection = site.connect();
  connection.write(`POST / HTTP/1.1\r\nHost: acme.localhost\r\n${framing}\r\nConnection: close\r\n\r\n`);
  connection.write(encode(sent));
  const { body } = parseAnswer(await connection.closed());
  expect(Buffer.from(body, "latin1").equals(sent)).toBe(true);
});

test.each([
  ["with its length", true],
  ["in chunks", false],
])("a connection to the application serves one large answer after another %s", async (_name, withLength) => {
  const connections = new Set<unknown>();
  site.answer = (request, response) => {
    connections.add(request.socket);
    if (withLength) response.setHeader("Content-Length", 100_000);
    response.write("~".repeat(50_000));
    response.end("~".repeat(50_000));
  };
  const connection = site.connect();
  for (let turn = 1; turn <= 4; turn += 1) {
    connection.write("GET / HTTP/1.1\r\nHost: acme.localhost\r\n\r\n");
    await waitUntil(
      "all of it is here",
      // However the pieces were cut on their way; no header holds this character.
      () => connection.received().split("~").length - 1 === turn * 100_000,
    );
  }
  expect(connections.size).toBe(1);
  connection.socket.destroy();
});

test("a client that reads slowly holds the application back, and the gateway doesn't fill its memory", async () => {
  // More than the kernel keeps on the way: up to 72 MB by Linux's own defaults.
  const total = 256 * 1024 * 1024;
  const large = largeAnswer(total);
  site.answer = (_request, response) => large.send(response);
  const before = process.memoryUsage().arrayBuffers;
  const client = connect(site.tested.port, "127.0.0.1").pause();
  client.write(getRequest("/"));
  expect(await large.heldBackAt()).toBeLessThan(total / 2);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  let received = 0;
  client.on("data", (data) => {
    received += data.length;
  });
  await once(client.resume(), "close");
  expect(received).toBeGreaterThan(total);
});

test("an application that reads slowly holds the client back, and the gateway doesn't fill its memory", async () => {
  const total = 256 * 1024 * 1024;
  let arrived = 0;
  let release: (() => void) | undefined;
  site.answer = (request, response) => {
    release = () =>
      request
        .on("data", (data: Buffer) => {
          arrived += data.length;
        })
        .on("end", () => response.end(`${arrived} bytes`));
  };
  const connection = site.connect();
  const { socket } = connection;
  socket.write(
    `POST / HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: ${total}\r\nConnection: close\r\n\r\n`,
  );
  const before = process.memoryUsage().arrayBuffers;
  let written = 0;
  let lastWrittenAt = 0;
  const piece = Buffer.alloc(256 * 1024);
  const write = (): void => {
    lastWrittenAt = performance.now();
    while (written < total) {
      written += piece.length;
      if (!socket.write(piece)) {
        socket.once("drain", write);
        return;
      }
    }
  };
  write();
  await waitUntil("the client is held back", () => {
    return release !== undefined && performance.now() - lastWrittenAt > 300;
  });
  expect(written).toBeLessThan(total / 2);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  release?.();
  expect(await connection.closed()).toMatch(new RegExp(`${total} bytes$`));
});

test("HEAD, 204 and 304 have no body, and the connection serves the next request", async () => {
  site.answer = (request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://x");
    response.statusCode = Number(pathname.slice(1));
    if (response.statusCode !== 204) response.setHeader("Content-Length", 5);
    response.end(request.method === "HEAD" || response.statusCode === 200 ? "hello" : undefined);
  };
  const connection = site.connect();
  for (const line of ["HEAD /200", "GET /204", "GET /304", "HEAD /404"]) {
    connection.write(`${line} HTTP/1.1\r\nHost: acme.localhost\r\n\r\n`);
  }
  connection.write(getRequest("/200"));
  const answers = (await connection.closed()).split(/(?=HTTP\/1.1 )/);
  expect(answers.map((answer) => answer.slice(9, 12))).toEqual(["200", "204", "304", "404", "200"]);
  expect(answers.map((answer) => parseAnswer(answer).body)).toEqual(["", "", "", "", "hello"]);
  expect(answers[0]).toMatch(/content-length: 5\r\n/i);
  expect(answers[1]).not.toMatch(/content-length|transfer-encoding/i);
});

test("trailers of an answer reach the client, the application's own signs of the gateway don't", async () => {
  let te: unknown;
  site.answer = (request, response) => {
    te = request.headers.te;
    response.writeHead(200, { Trailer: "X-Sum" });
    response.write("hello");
    response.addTrailers({ "X-Sum": "42", "Tenantry-Token": "echo" });
    response.end();
  };
  const text = await site.exchange(getRequest("/", "TE: trailers"));
  expect(te).toBe("trailers");
  expect(text).toMatch(/\r\ntrailer: X-Sum\r\n/i);
  expect(text).toMatch(/\r\n0\r\nx-sum: 42\r\n\r\n$/i);
  expect(text).not.toContain("echo");
});

test("Expect: 100-continue is answered by the gateway, and the application never sees it", async () => {
  let seen: IncomingMessage | undefined;
  site.answer = async (request, response) => {
    seen = request;
    response.end(Buffer.concat(await request.toArray()));
  };
  const connection = site.connect();
  connection.write(
    "POST / HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
  );
  expect(await connection.until("\r\n\r\n")).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  connection.write("abc");
  expect(await connection.closed()).toMatch(/HTTP\/1.1 200 OK[\s\S]*abc$/);
  expect(seen?.headers.expect).toBeUndefined();
});

test("a refused request gets its refusal instead of 100 Continue; another expectation gets 417", async () => {
  const refused = await site.exchange(
    "POST / HTTP/1.1\r\nHost: nobody.localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
  );
  expect(refused).toMatch(/^HTTP\/1.1 404 /);
  const other = await site.exchange(getRequest("/", "Expect: a-miracle"));
  expect(other).toMatch(/^HTTP\/1.1 417 /);
});

test("early hints reach the client before the answer", async () => {
  site.answer = (_request, response) => {
    response.writeEarlyHints({ link: "</style.css>; rel=preload" });
    response.end("hello");
  };
  const text = await site.exchange(getRequest("/"));
  expect(text).toMatch(
    /^HTTP\/1.1 103 Early Hints\r\nlink: <\/style.css>; rel=preload\r\n\r\nHTTP\/1.1 200/i,
  );
});

test("a client of HTTP/1.0 gets an answer without chunks", async () => {
  site.answer = (_request, response) => {
    response.write("hel");
    response.end("lo");
  };
  const text = await site.exchange("GET / HTTP/1.0\r\nHost: acme.localhost\r\n\r\n");
  expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  expect(text).not.toMatch(/transfer-encoding/i);
  expect(text).toMatch(/\r\n\r\nhello$/);
});

test("an application that answers before the body is there is heard, and the client keeps its connection", async () => {
  site.answer = (_request, response) => {
    response.writeHead(401).end("log in first");
  };
  const connection = site.connect();
  connection.write("POST / HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: 1000000\r\n\r\n");
  connection.write(Buffer.alloc(500_000));
  await connection.until("log in first");
  connection.write(Buffer.alloc(500_000));
  site.answer = (_request, response) => response.end("second");
  connection.write(getRequest("/"));
  expect(await connection.closed()).toMatch(/second$/);
});

test("the gateway listens on both loopback families", async () => {
  const connection = rawConnection(site.tested.port, "::1");
  connection.write(getRequest("/"));
  expect(await connection.closed()).toMatch(/^HTTP\/1.1 200 OK[\s\S]*hello$/);
});
