import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UpstreamFailure } from "./failures.ts";
import type { ResponseHead } from "./response-head.ts";
import { ResponseReader } from "./response-reader.ts";

type Seen = { heads: ResponseHead[]; interim: number[]; body: string; ended: [string, string][] | undefined };

/** Reads a response cut at the given places; what was left over is returned as well. */
function read(text: string, options: { method?: string; upgrade?: boolean; cuts?: number[] } = {}) {
  const seen: Seen = { heads: [], interim: [], body: "", ended: undefined };
  const reader = new ResponseReader({
    onInterim: (head) => seen.interim.push(head.status),
    onHead: (head) => seen.heads.push(head),
    onBody: (piece) => {
      seen.body += piece.toString("latin1");
    },
    onEnd: (trailers) => {
      seen.ended = trailers;
    },
  });
  reader.expect(options.method ?? "GET", options.upgrade ?? false);
  const bytes = Buffer.from(text, "latin1");
  const places = [0, ...(options.cuts ?? []), bytes.length].sort((a, b) => a - b);
  let left = 0;
  for (let at = 1; at < places.length; at += 1) {
    const piece = bytes.subarray(places[at - 1], places[at]);
    left += piece.length - reader.read(piece);
  }
  return { ...seen, head: seen.heads[0]!, left, reader };
}

const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

describe("framing", () => {
  test("a body of a known length ends after it, and what follows is not part of the answer", () => {
    const { head, body, ended, left } = read(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK",
    );
    expect(head).toMatchObject({ status: 200, framing: "length", length: 5, keepAlive: true });
    expect({ body, ended, left }).toEqual({ body: "hello", ended: [], left: 15 });
  });

  test("a chunked body is put together, extensions dropped, trailers kept", () => {
    const { head, body, ended, left } = read(
      `${chunked}5;a=b\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nX-Sum: 1\r\nTenantry-Token: no\r\n\r\n`,
    );
    expect(head).toMatchObject({ framing: "chunked", keepAlive: true, passed: [] });
    expect({ body, ended, left }).toEqual({ body: "hello world", ended: [["X-Sum", "1"]], left: 0 });
  });

  test("without length or chunks the body lasts until the connection closes", () => {
    const { head, body, ended, reader } = read("HTTP/1.1 200 OK\r\n\r\nhello");
    expect(head).toMatchObject({ framing: "close", keepAlive: false });
    expect({ body, ended }).toEqual({ body: "hello", ended: undefined });
    expect(reader.finish()).toBe(true);
  });

  test.each([
    ["HEAD", "200 OK", "Content-Length: 5\r\n"],
    ["GET", "204 No Content", ""],
    ["GET", "304 Not Modified", "Content-Length: 5\r\n"],
  ])("an answer to %s with %s has no body", (method, status, headers) => {
    const { head, body, ended } = read(`HTTP/1.1 ${status}\r\n${headers}\r\n`, { method });
    expect(head.framing).toBe("none");
    expect({ body, ended }).toEqual({ body: "", ended: [] });
  });

  test("a connection isn't used again where a body may follow that must not be there", () => {
    expect(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", { method: "HEAD" }).head.keepAlive).toBe(
      false,
    );
    expect(read("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n").head.keepAlive).toBe(false);
    expect(read("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n").head.keepAlive).toBe(
      false,
    );
    expect(read("HTTP/1.1 204 No Content\r\n\r\n").head.keepAlive).toBe(true);
  });

  test("interim answers come before the answer", () => {
    const { interim, head } = read(
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    );
    expect(interim).toEqual([103, 102]);
    expect(head.status).toBe(204);
  });

  test("an upgrade that was asked for ends the HTTP part, and what follows stays untouched", () => {
    const text =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x00";
    const { head, left, reader } = read(text, { upgrade: true });
    expect(head).toMatchObject({ status: 101, upgrade: "websocket", passed: [] });
    expect({ left, upgraded: reader.upgraded }).toEqual({ left: 2, upgraded: true });
  });
});

describe("connection", () => {
  test.each([
    ["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false],
    ["HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 0\r\n\r\n", false],
    ["HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", true],
    ["HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false],
    ["HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", true],
  ])("%j may be followed by another answer: %s", (text, keepAlive) => {
    expect(read(text).head.keepAlive).toBe(keepAlive);
  });

  test("headers for this hop alone are dropped, with those that Connection names", () => {
    const { head } = read(
      "HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5, max=9\r\n" +
        "Proxy-Connection: x\r\nX-Kept: 1\r\nTenantry-Token: echoed\r\nContent-Length: 0\r\n\r\n",
    );
    expect(head.passed).toEqual(["X-Kept", "1", "Content-Length", "0"]);
    expect(head.idleSeconds).toBe(5);
  });

  test("headers that come several times stay apart and in order", () => {
    const { head } = read(
      "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n",
    );
    expect(head.passed).toEqual(["Set-Cookie", "a=1", "Set-Cookie", "b=2", "Content-Length", "0"]);
  });
});

describe("what could be read in two ways is refused", () => {
  const head = (lines: string, status = "HTTP/1.1 200 OK") => `${status}\r\n${lines}\r\n\r\n`;
  test.each([
    ["two lengths", head("Content-Length: 5\r\nContent-Length: 5")],
    ["a list of lengths", head("Content-Length: 5, 5")],
    ["a signed length", head("Content-Length: +5")],
    ["a length beyond all bounds", head(`Content-Length: ${"9".repeat(20)}`)],
    ["a length beside chunks", head("Transfer-Encoding: chunked\r\nContent-Length: 5")],
    ["another coding", head("Transfer-Encoding: gzip, chunked")],
    ["chunks twice", head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")],
    ["chunks in HTTP/1.0", head("Transfer-Encoding: chunked", "HTTP/1.0 200 OK")],
    ["a folded line", head("X-A: b\r\n c")],
    ["a bare line feed", head("X-A: b\nX-C: d")],
    ["a bare carriage return", head("X-A: b\rX-C: d")],
    ["a NUL", head("X-A: b\0")],
    ["a space before the colon", head("Content-Length : 5")],
    ["a line without a colon", head("nonsense")],
    ["an empty name", head(": value")],
    ["no status", head("", "HTTP/1.1 OK")],
    ["HTTP/2", head("", "HTTP/2.0 200 OK")],
    ["HTTP/0.9", "hello\r\n\r\n"],
    ["a status of four digits", head("", "HTTP/1.1 2000 OK")],
    ["an upgrade nobody asked for", head("Upgrade: websocket", "HTTP/1.1 101 Switching Protocols")],
    ["a chunk size of letters", `${chunked}zz\r\n`],
    ["a chunk size with a sign", `${chunked}-5\r\n`],
    ["a chunk size with a prefix", `${chunked}0x5\r\n`],
    ["a chunk size with a space", `${chunked}5 \r\nhello\r\n`],
    ["no chunk size", `${chunked}\r\n`],
    ["a chunk size that overflows", `${chunked}${"f".repeat(14)}\r\n`],
    ["a chunk size ended by a line feed", `${chunked}5\nhello\r\n`],
    ["an extension with a line feed in it", `${chunked}5;a\nb\r\nhello\r\n`],
    ["an extension without end", `${chunked}5;${"a".repeat(2_000)}`],
    ["a chunk longer than it says", `${chunked}5\r\nhello!\r\n`],
    ["a broken trailer", `${chunked}0\r\nnonsense\r\n\r\n`],
    ["a trailer with a length", `${chunked}0\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n`],
    ["trailers without end", `${chunked}0\r\n${"X-A: b\r\n".repeat(4_000)}`],
    ["a head without end", `HTTP/1.1 200 OK\r\n${"X-A: b\r\n".repeat(10_000)}`],
  ])("%s", (_name, text) => {
    expect(() => read(text)).toThrow(UpstreamFailure);
    // Nor does it matter how it arrives.
    const cuts = Array.from({ length: Math.min(text.length, 300) }, (_, at) => at);
    expect(() => read(text, { cuts })).toThrow(UpstreamFailure);
  });
});

test("an answer is the same however its bytes are cut", () => {
  const bodies = fc.array(fc.string({ minLength: 1, maxLength: 40, unit: "binary-ascii" }), { maxLength: 6 });
  const property = fc.property(bodies, fc.boolean(), fc.array(fc.nat(600)), (pieces, inChunks, places) => {
    const body = pieces.join("");
    const text = inChunks
      ? `${chunked}${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("")}0\r\nX-T: 1\r\n\r\n`
      : `HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const after = "HTTP/1.1 500 next";
    const cuts = places.filter((place) => place <= text.length);
    const seen = read(text + after, { cuts });
    expect(seen.body).toBe(body);
    expect(seen.ended).toEqual(inChunks ? [["X-T", "1"]] : []);
    expect(seen.left).toBe(after.length);
    expect(seen.heads).toHaveLength(1);
  });
  fc.assert(property, { numRuns: 500 });
});

test("whatever bytes arrive, they are read or refused: nothing else is thrown", () => {
  const bytes = fc.string({ unit: "binary-ascii", maxLength: 300 });
  const start = fc.constantFrom(
    "",
    "HTTP/1.1 200 OK\r\n",
    chunked,
    "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
  );
  const property = fc.property(start, bytes, fc.array(fc.nat(300)), (head, rest, cuts) => {
    try {
      read(head + rest, { cuts: cuts.filter((cut) => cut <= head.length + rest.length) });
    } catch (error) {
      expect(error).toBeInstanceOf(UpstreamFailure);
    }
  });
  fc.assert(property, { numRuns: 1_000 });
});
