import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants } from "node:http2";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type TestSite, testSite } from "../../testing/gateway.ts";
import { answerOf, type Http2Client, http2Client } from "../../testing/http2.ts";
import {
  frame,
  frameConnection,
  frameFlags,
  frameTypes,
  getFields,
  headerBlock,
  resetFrame,
} from "../../testing/http2-frames.ts";
import { largeAnswer } from "../../testing/large-answer.ts";
import { requireProgram } from "../../testing/programs.ts";
import { getRequest, parseAnswer } from "../../testing/raw-http.ts";
import { waitUntil } from "../../testing/wait-until.ts";

let site: TestSite;
let client: Http2Client;

beforeAll(async () => {
  site = await testSite({ limits: { maxBodyBytes: 50_000_000 } });
});
beforeEach(() => {
  site.answer = (_request, response) => response.end("hello");
  client = http2Client(site.tested.port);
});
afterEach(() => client?.close());
afterAll(() => site?.stop());

test("a request reaches the application of its authority with method, path, query and body as they were", async () => {
  let seen: IncomingMessage | undefined;
  site.answer = async (request, response) => {
    seen = request;
    const body = Buffer.concat(await request.toArray());
    response.writeHead(201, { "X-Answer": "yes" }).end(`made ${body}`);
  };
  const answer = await client.ask(
    { ":method": "PATCH", ":path": "/a%2Fb/..;/d?x=1&y=%00", ":authority": "Acme.LOCALHOST.:8585" },
    "abc",
  );
  expect(`${seen?.method} ${seen?.url} ${seen?.headers.host}`).toBe(
    "PATCH /a%2Fb/..;/d?x=1&y=%00 Acme.LOCALHOST.:8585",
  );
  expect(seen?.httpVersion).toBe("1.1");
  expect(answer).toMatchObject({ status: 201, resetCode: 0, headers: { "x-answer": "yes" } });
  expect(String(answer.body)).toBe("made abc");
  expect(answer.headers["tenantry-request-id"]).toBe(seen?.headers["tenantry-request-id"]);
});

test("curl speaks it with prior knowledge", async () => {
  const { stdout } = await promisify(execFile)(requireProgram("curl"), [
    ...["-sS", "--http2-prior-knowledge", "-H", "Host: acme.localhost"],
    ...["-w", " %{http_version} %{response_code}", `http://127.0.0.1:${site.tested.port}/`],
  ]);
  expect(stdout).toBe("hello 2 200");
});

test("the preface may come byte by byte, and a request of HTTP/1.1 that begins like it is still one", async () => {
  const connection = site.connect();
  connection.socket.setNoDelay(true);
  for (const byte of "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") {
    await new Promise<void>((sent) => connection.socket.write(byte, () => sent()));
  }
  // The server's settings are the first frame (RFC 9113 §3.4): type 4 on stream 0.
  await waitUntil("its settings arrive", () => connection.received().length >= 9);
  expect(connection.received().slice(3, 9)).toBe("\x04\x00\x00\x00\x00\x00");
  connection.socket.destroy();

  const put = site.connect();
  await new Promise<void>((sent) => put.socket.write("P", () => sent()));
  put.write("UT / HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  expect(parseAnswer(await put.closed())).toMatchObject({ status: 200, body: "hello" });
  const almost = await site.exchange("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
  expect(parseAnswer(almost).status).toBe(400);
  const later = site.connect();
  later.write(getRequest().replace("Connection: close\r\n", ""));
  await later.until("hello");
  later.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  expect(await later.closed()).toMatch(/hello\r?\n?[\s\S]*HTTP\/1.1 400 /);
});

test("many requests share a connection, and a slow one holds up nobody", async () => {
  const held: ServerResponse[] = [];
  site.answer = (request, response) => {
    if (request.url === "/slow") held.push(response);
    else response.end(`answer ${request.url}`);
  };
  const slow = client.ask({ ":path": "/slow" });
  await waitUntil("the slow one is at the application", () => held.length === 1);
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, turn) => client.ask({ ":path": `/${turn}` })),
  );
  expect(answers.map(({ body }) => String(body))).toEqual(
    Array.from({ length: 100 }, (_, turn) => `answer /${turn}`),
  );
  held[0]?.end("at last");
  expect(String((await slow).body)).toBe("at last");
});

test("one connection may ask for many hosts in cleartext: it says nothing about who it is for", async () => {
  await site.registry.routes(["other.localhost"], { upstreamId: site.upstreamId });
  await site.tested.caughtUp();
  site.answer = (request, response) => response.end(request.headers.host);
  const answers = await Promise.all(
    ["acme.localhost", "other.localhost"].map((host) => client.ask({ ":authority": host })),
  );
  expect(answers.map(({ body }) => String(body))).toEqual(["acme.localhost", "other.localhost"]);
});

describe("what goes on to the application", () => {
  const ask = async (headers: Record<string, string | string[]>, body?: string) => {
    let seen: IncomingMessage | undefined;
    site.answer = (request, response) => {
      seen = request;
      request.on("error", () => undefined).resume();
      request.on("end", () => response.end());
    };
    const { status } = await client.ask(headers, body);
    return { status, seen, headers: seen?.headers ?? {} };
  };

  test("forged headers of the gateway don't", async () => {
    const { headers } = await ask({
      "tenantry-token": "forged",
      tenantry_tenant: "forged",
      "x-forwarded-for": "10.0.0.1",
      "x-forwarded-proto": "https",
      forwarded: "for=10.0.0.1",
    });
    expect(JSON.stringify(headers)).not.toMatch(/forged|10\.0\.0/);
    expect(headers["tenantry-token"]).toMatch(/^ey/);
    expect(headers).toMatchObject({
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
      forwarded: 'for=127.0.0.1;host="acme.localhost";proto=http',
    });
  });

  test("cookies that came one by one are one header again", async () => {
    const { seen } = await ask({ cookie: ["a=1", "b=2", "c=3"] });
    expect(seen?.headersDistinct.cookie).toEqual(["a=1; b=2; c=3"]);
  });

  test("a body of unknown length goes in chunks, one of known length with it, none at all says so", async () => {
    expect((await ask({ ":method": "POST" }, "abc")).headers).toMatchObject({
      "transfer-encoding": "chunked",
    });
    const known = await ask({ ":method": "POST", "content-length": "3" }, "abc");
    expect(known.headers["content-length"]).toBe("3");
    expect(known.headers["transfer-encoding"]).toBeUndefined();
    expect((await ask({ ":method": "POST" })).headers["content-length"]).toBe("0");
    const { headers } = await ask({});
    expect([headers["content-length"], headers["transfer-encoding"]]).toEqual([undefined, undefined]);
  });

  test("the wish for trailers does", async () => {
    expect((await ask({ te: "trailers" })).headers.te).toBe("trailers");
  });
});

test("server-sent events reach the client one by one, and their head before the first of them", async () => {
  let events: ServerResponse | undefined;
  let closed = false;
  site.answer = (_request, response) => {
    events = response;
    response.on("close", () => {
      closed = true;
    });
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.flushHeaders();
  };
  const stream = client.start({ ":path": "/events" });
  let type: unknown;
  let text = "";
  stream.on("response", (headers) => {
    type = headers["content-type"];
  });
  stream.on("data", (piece) => {
    text += piece;
  });
  await waitUntil("the head arrives", () => type === "text/event-stream");
  events?.write("data: 1\n\n");
  await waitUntil("the first event arrives", () => text.includes("data: 1"));
  events?.write("data: 2\n\n");
  await waitUntil("the second event arrives", () => text.includes("data: 2"));
  stream.close(constants.NGHTTP2_CANCEL);
  await waitUntil("the application knows that nobody listens any more", () => closed);
});

test("a body is streamed to the application while the client is still sending", async () => {
  const arrived: string[] = [];
  site.answer = (request, response) => {
    request.on("data", (piece) => arrived.push(String(piece)));
    request.on("end", () => response.end(arrived.join("|")));
  };
  const stream = client.start({ ":method": "POST" }, true);
  const answer = answerOf(stream);
  stream.write("one");
  await waitUntil("the first piece is there", () => arrived.length === 1);
  stream.end("two");
  expect(String((await answer).body)).toBe("one|two");
});

test.each([
  ["of unknown length", {}],
  ["with its length", { "content-length": "3000000" }],
])("a large body %s passes unharmed in both directions", async (_name, headers) => {
  const sent = randomBytes(3_000_000);
  site.answer = (request, response) => request.pipe(response);
  const answer = await client.ask({ ":method": "POST", ...headers }, sent);
  expect(answer.resetCode).toBe(0);
  expect(answer.body.equals(sent)).toBe(true);
});

test("a client that reads slowly holds the application back, and the gateway doesn't fill its memory", async () => {
  const total = 256 * 1024 * 1024;
  const large = largeAnswer(total);
  site.answer = (_request, response) => large.send(response);
  const before = process.memoryUsage().arrayBuffers;
  const stream = client.start();
  expect(await large.heldBackAt()).toBeLessThan(total / 2);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  const answer = await answerOf(stream);
  expect(answer.body.length).toBe(total);
});

test("an application that reads slowly holds the client back", async () => {
  const total = 40 * 1024 * 1024;
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
  const stream = client.start({ ":method": "POST" }, true);
  const answer = answerOf(stream);
  const piece = Buffer.alloc(16 * 1024);
  let taken = 0;
  let lastTakenAt = 0;
  const write = (): void => {
    lastTakenAt = performance.now();
    taken += piece.length;
    if (taken < total) stream.write(piece, write);
    else stream.end();
  };
  stream.write(piece, write);
  await waitUntil("the client is held back", () => {
    return release !== undefined && taken > 0 && performance.now() - lastTakenAt > 300;
  });
  expect(taken).toBeLessThan(total);
  release?.();
  expect(String((await answer).body)).toBe(`${taken} bytes`);
});

test("HEAD, 204 and 304 have no body", async () => {
  site.answer = (request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://x");
    response.statusCode = Number(pathname.slice(1));
    if (response.statusCode !== 204) response.setHeader("Content-Length", 5);
    response.end(request.method === "HEAD" || response.statusCode === 200 ? "hello" : undefined);
  };
  const asked = ["HEAD /200", "GET /204", "GET /304", "HEAD /404", "GET /200"].map((line) => {
    const [method = "", path = ""] = line.split(" ");
    return client.ask({ ":method": method, ":path": path });
  });
  const answers = await Promise.all(asked);
  expect(answers.map(({ status }) => status)).toEqual([200, 204, 304, 404, 200]);
  expect(answers.map(({ body }) => String(body))).toEqual(["", "", "", "", "hello"]);
  expect(answers.map(({ resetCode }) => resetCode)).toEqual([0, 0, 0, 0, 0]);
  expect(answers[0]?.headers["content-length"]).toBe("5");
});

test("trailers of an answer reach the client, and headers of one connection don't", async () => {
  site.answer = (_request, response) => {
    response.writeHead(200, { Trailer: "X-Sum", "Keep-Alive": "timeout=5", "Proxy-Connection": "close" });
    response.write("hello");
    response.addTrailers({ "X-Sum": "42", "Tenantry-Token": "echo", "HTTP2-Settings": "x" });
    response.end();
  };
  const answer = await client.ask();
  expect(String(answer.body)).toBe("hello");
  expect(answer.headers.trailer).toBe("X-Sum");
  expect(Object.entries(answer.trailers ?? {})).toEqual([["x-sum", "42"]]);
  for (const name of ["connection", "keep-alive", "proxy-connection", "transfer-encoding"]) {
    expect(answer.headers[name]).toBeUndefined();
  }
});

test("headers that an application says twice are passed on, as in HTTP/1.1", async () => {
  site.answer = (_request, response) => {
    response
      .writeHead(200, ["Set-Cookie", "a=1", "Set-Cookie", "b=2", "ETag", "1", "ETag", "2"])
      .end("hello");
  };
  const answer = await client.ask();
  expect(answer.status).toBe(200);
  expect(answer.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
});

test("early hints and 100 Continue reach the client before the answer; another expectation gets 417", async () => {
  site.answer = (request, response) => {
    response.writeEarlyHints({ link: "</style.css>; rel=preload" });
    expect(request.headers.expect).toBeUndefined();
    response.end("hello");
  };
  const hinted = await client.ask();
  expect(hinted).toMatchObject({ status: 200, interim: [103] });
  const continued = await client.ask({ ":method": "POST", expect: "100-continue" }, "abc");
  expect(continued).toMatchObject({ status: 200, interim: [100, 103] });
  expect(await client.ask({ expect: "a-miracle" })).toMatchObject({ status: 417, interim: [] });
});

test("a client that takes a request back ends it at the application, also in the middle of its body", async () => {
  const states: string[] = [];
  let arrived = 0;
  site.answer = (request) => {
    arrived += 1;
    request.on("error", () => undefined).resume();
    request.on("close", () => states.push(request.complete ? "complete" : "aborted"));
  };
  const before = site.tested.gateway.stats().abandoned;
  const active = () => site.tested.gateway.stats().active;
  const head = headerBlock([[":method", "POST"], ...getFields.slice(1)]);
  for (const [number, code] of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR].entries()) {
    const connection = frameConnection(site.tested.port);
    connection.send(frame(frameTypes.headers, 1, head, frameFlags.endHeaders));
    connection.send(frame(frameTypes.data, 1, "half"));
    await waitUntil("it is under way at the application", () => arrived === number + 1);
    connection.send(resetFrame(1, code));
    await waitUntil("it is over", () => active() === 0);
    connection.socket.destroy();
  }
  await waitUntil("the application knows", () => states.length === 2);
  expect(states).toEqual(["aborted", "aborted"]);
  expect(site.tested.gateway.stats().abandoned).toBe(before + 2);
});

test("an answer that breaks off ends its stream with an error, and the connection serves on", async () => {
  site.answer = (_request, response) => {
    response.writeHead(200, { "Content-Length": 10 });
    response.write("hello", () => response.destroy());
  };
  const broken = await client.ask();
  // The client itself notices that there are bytes missing.
  expect(broken).toMatchObject({ status: 200, resetCode: constants.NGHTTP2_PROTOCOL_ERROR });
  site.answer = (_request, response) => {
    response.write("hello", () => response.destroy());
  };
  expect(await client.ask()).toMatchObject({ status: 200, resetCode: constants.NGHTTP2_INTERNAL_ERROR });
  site.answer = (_request, response) => response.end("second");
  expect(String((await client.ask()).body)).toBe("second");
});

test("an application that answers before the body is there is heard, and the rest is called off", async () => {
  site.answer = (_request, response) => {
    response.writeHead(401).end("log in first");
  };
  const stream = client.start({ ":method": "POST" }, true);
  const answer = answerOf(stream);
  stream.write(Buffer.alloc(100_000));
  expect(await answer).toMatchObject({ status: 401, resetCode: constants.NGHTTP2_NO_ERROR });
  expect((await client.ask({ ":method": "POST" }, "abc")).status).toBe(401);
});
