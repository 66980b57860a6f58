import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type TestSite, testSite } from "../testing/gateway.ts";
import { getRequest, parseAnswer } from "../testing/raw-http.ts";
import { waitUntil } from "../testing/wait-until.ts";

let site: TestSite;
let reached: string[] = [];

beforeAll(async () => {
  site = await testSite();
});
beforeEach(() => {
  site.answer = (request, response) => {
    reached.push(`${request.method} ${request.url}`);
    request.resume();
    response.end("hello");
  };
});
afterAll(() => site?.stop());

const post = (...lines: string[]) =>
  ["POST / HTTP/1.1", "Host: acme.localhost", ...lines, "", ""].join("\r\n");
const chunked = post("Transfer-Encoding: chunked");
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: acme.localhost\r\n\r\n";

describe("what RFC 9112 calls malformed gets 400, the connection is closed, and nothing behind it is read", () => {
  test.each([
    ["two Host headers", "GET / HTTP/1.1\r\nHost: acme.localhost\r\nHost: other.localhost\r\n\r\n"],
    ["two equal Host headers", "GET / HTTP/1.1\r\nHost: acme.localhost\r\nHost: acme.localhost\r\n\r\n"],
    ["no Host header", "GET / HTTP/1.1\r\n\r\n"],
    ["an empty Host header", "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
    ["a Host header with a path", "GET / HTTP/1.1\r\nHost: acme.localhost/x\r\n\r\n"],
    ["a Host header with a user", "GET / HTTP/1.1\r\nHost: a@acme.localhost\r\n\r\n"],
    ["a list of hosts", "GET / HTTP/1.1\r\nHost: acme.localhost, other.localhost\r\n\r\n"],
    ["letters beyond ASCII in the host", "GET / HTTP/1.1\r\nHost: m\xfcnchen.localhost\r\n\r\n"],
    [
      "an absolute target that names another host",
      "GET http://other.localhost/ HTTP/1.1\r\nHost: acme.localhost\r\n\r\n",
    ],
    ["a target that is no path", "OPTIONS * HTTP/1.1\r\nHost: acme.localhost\r\n\r\n"],
    ["a fragment in the target", "GET /a#b HTTP/1.1\r\nHost: acme.localhost\r\n\r\n"],
    ["a control character in the target", "GET /\x01 HTTP/1.1\r\nHost: acme.localhost\r\n\r\n"],
    ["a length beside chunks", `${post("Content-Length: 3", "Transfer-Encoding: chunked")}0\r\n\r\n`],
    ["chunks beside a length", `${post("Transfer-Encoding: chunked", "Content-Length: 3")}0\r\n\r\n`],
    ["two lengths", `${post("Content-Length: 3", "Content-Length: 3")}abc`],
    ["two different lengths", `${post("Content-Length: 3", "Content-Length: 4")}abc`],
    ["a list of lengths", `${post("Content-Length: 3, 3")}abc`],
    ["a signed length", `${post("Content-Length: +3")}abc`],
    ["a hexadecimal length", `${post("Content-Length: 0x3")}abc`],
    ["chunked, identity", `${post("Transfer-Encoding: chunked, identity")}0\r\n\r\n`],
    ["identity", `${post("Transfer-Encoding: identity")}`],
    ["gzip, chunked", `${post("Transfer-Encoding: gzip, chunked")}0\r\n\r\n`],
    ["chunked twice", `${post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")}0\r\n\r\n`],
    ["xchunked", `${post("Transfer-Encoding: xchunked")}0\r\n\r\n`],
    ["a vertical tab before chunked", `${post("Transfer-Encoding: \x0bchunked")}0\r\n\r\n`],
    ["chunks in HTTP/1.0", `${chunked.replace("HTTP/1.1", "HTTP/1.0")}0\r\n\r\n`],
    ["a folded header", "GET / HTTP/1.1\r\nHost: acme.localhost\r\nX-A: b\r\n c\r\n\r\n"],
    ["a bare line feed after the request line", "GET / HTTP/1.1\nHost: acme.localhost\r\n\r\n"],
    ["a bare line feed after a header", "GET / HTTP/1.1\r\nHost: acme.localhost\nX-A: b\r\n\r\n"],
    ["a bare carriage return in a header", "GET / HTTP/1.1\r\nHost: acme.localhost\r\nX-A: b\rc\r\n\r\n"],
    ["a NUL in a header", "GET / HTTP/1.1\r\nHost: acme.localhost\r\nX-A: b\0c\r\n\r\n"],
    ["a space before the colon", "GET / HTTP/1.1\r\nHost: acme.localhost\r\nX-A : b\r\n\r\n"],
    ["a space before the first header", "GET / HTTP/1.1\r\n Host: acme.localhost\r\n\r\n"],
    ["no version", "GET /\r\nHost: acme.localhost\r\n\r\n"],
    ["no version and a bare line feed", "GET /\nHost: acme.localhost\r\nContent-Length: 3\r\n\r\nabc"],
    ["HTTP/2.0", "GET / HTTP/2.0\r\nHost: acme.localhost\r\n\r\n"],
    ["an unknown method", "BREW / HTTP/1.1\r\nHost: acme.localhost\r\n\r\n"],
    ["no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n"],
  ])("%s", async (_name, text) => {
    for (const following of ["", smuggled]) {
      reached = [];
      const answer = parseAnswer(await site.exchange(text + following));
      expect(answer.status).toBe(400);
      expect(answer.head).toMatch(/\r\ncontent-type: application\/problem\+json/i);
      expect(answer.head).toMatch(/\r\nconnection: close/i);
      expect(JSON.parse(answer.body)).toMatchObject({ code: "invalid_http" });
      expect(reached).toEqual([]);
    }
  });
});

describe("a body whose chunks are malformed ends the connection, and nothing behind it is read", () => {
  test.each([
    ["letters", "zz\r\n\r\n"],
    ["a sign", "-3\r\nabc\r\n"],
    ["a prefix", "0x3\r\nabc\r\n"],
    ["a space", "3 \r\nabc\r\n"],
    ["a bare line feed", "3\nabc\r\n"],
    ["a line feed in an extension", "3;a\nb\r\nabc\r\n"],
    ["too many bytes", "3\r\nabcd\r\n"],
    ["an overflow", `${"f".repeat(20)}\r\nabc\r\n`],
  ])("%s", async (_name, chunks) => {
    reached = [];
    const text = await site.exchange(`${chunked}${chunks}0\r\n\r\n${smuggled}`);
    expect(reached).not.toContain("GET /smuggled");
    // The application may have answered before the mistake came; a 400 follows no answer that has begun.
    expect(text.match(/HTTP\/1.1 400/g)?.length ?? 0).toBeLessThanOrEqual(1);
  });
});

describe("below a part of an upstream", () => {
  beforeAll(async () => {
    const { registry, application, tested } = site;
    const upstreamId = await registry.upstream([`${application.url}/shop`]);
    await registry.routes(["below.localhost"], { upstreamId });
    await tested.caughtUp();
  });

  const ask = async (target: string) => {
    reached = [];
    const request = `GET ${target} HTTP/1.1\r\nHost: below.localhost\r\nConnection: close\r\n\r\n`;
    return parseAnswer(await site.exchange(request)).status;
  };

  test.each([
    ...["/..", "/../admin", "/a/../../admin", "/%2e%2e/admin", "/.%2E/admin", "/..%2fadmin", "/%2f../admin"],
    ...[
      "/..\\admin",
      "/..%5cadmin",
      "/..;/admin",
      "/..%3b/admin",
      "/../admin?a",
      "http://below.localhost/../a",
    ],
  ])("%s doesn't lead to its neighbours", async (target) => {
    expect([await ask(target), reached]).toEqual([400, []]);
  });

  test.each(["/...", "/a..b", "/..a", "/a/..b/c", "/.", "/a?b=/../c"])("%s stays there", async (target) => {
    expect([await ask(target), reached]).toEqual([200, [`GET /shop${target}`]]);
  });
});

test("an absolute target that names the host of the Host header is passed on as a path", async () => {
  reached = [];
  const text = await site.exchange(
    "GET http://ACME.localhost/a%2Fb?c HTTP/1.1\r\nHost: acme.localhost\r\nConnection: close\r\n\r\n",
  );
  expect(parseAnswer(text).status).toBe(200);
  expect(reached).toEqual(["GET /a%2Fb?c"]);
});

test("a tunnel is refused, and so is an echo of the request that would show what the gateway adds", async () => {
  reached = [];
  expect(await site.exchange("CONNECT acme.localhost:80 HTTP/1.1\r\nHost: acme.localhost\r\n\r\n")).toMatch(
    /^HTTP\/1.1 405 /,
  );
  const trace = await site.exchange("TRACE / HTTP/1.1\r\nHost: acme.localhost\r\nConnection: close\r\n\r\n");
  expect(trace).toMatch(/^HTTP\/1.1 405 [\s\S]*\r\nallow: GET, HEAD/i);
  expect(reached).toEqual([]);
});

test("a client that resets its refused tunnel, or keeps it half open, harms nobody and holds nothing", async () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  process.on("uncaughtException", note);
  const tunnel = "CONNECT acme.localhost:80 HTTP/1.1\r\nHost: acme.localhost\r\n\r\n";
  for (const read of [true, false, true, false]) {
    const connection = site.connect();
    connection.write(tunnel);
    if (read) await connection.until("405");
    else await once(connection.socket, "connect");
    connection.socket.resetAndDestroy();
  }
  const silent = connect({ port: site.tested.port, host: "127.0.0.1", allowHalfOpen: true });
  silent.on("error", () => undefined).resume();
  silent.write(tunnel);
  // It never says that it is done; what it sends later meets a connection that is closed.
  await waitUntil("the gateway has let go of it", () => {
    silent.write("x");
    return silent.destroyed;
  });
  expect(parseAnswer(await site.exchange(getRequest())).status).toBe(200);
  process.off("uncaughtException", note);
  expect(uncaught).toEqual([]);
});

test("an upgrade to another protocol than WebSocket is passed on as the plain request that it is", async () => {
  let seen: string | undefined = "unset";
  site.answer = (request, response) => {
    seen = request.headers.upgrade;
    response.end("plain");
  };
  const text = await site.exchange(
    "GET / HTTP/1.1\r\nHost: acme.localhost\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n" +
      "Connection: Upgrade, HTTP2-Settings, close\r\n\r\n",
  );
  expect(parseAnswer(text)).toMatchObject({ status: 200, body: "plain" });
  expect(seen).toBeUndefined();
});
