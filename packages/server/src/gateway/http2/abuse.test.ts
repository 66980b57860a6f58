import { constants } from "node:http2";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type TestSite, testSite } from "../../testing/gateway.ts";
import { http2Client } from "../../testing/http2.ts";
import {
  encodeFrame,
  type Frame,
  type FrameConnection,
  frame,
  frameConnection,
  frameFlags,
  frameTypes,
  getFields,
  headerBlock,
  requestFrame,
  resetFrame,
} from "../../testing/http2-frames.ts";
import { getRequest, parseAnswer } from "../../testing/raw-http.ts";
import { waitUntil } from "../../testing/wait-until.ts";

let site: TestSite;
let reached: string[] = [];

beforeAll(async () => {
  site = await testSite({ limits: { maxHeaderBytes: 8_192 } });
});
beforeEach(() => {
  reached = [];
  site.answer = (request, response) => {
    reached.push(`${request.method} ${request.url}`);
    request.on("error", () => undefined).resume();
    response.end("hello");
  };
});
afterAll(() => site?.stop());

const isQuiet = () => site.tested.gateway.stats().active === 0;

/** After whatever was tried, others are served. */
async function servesOn(): Promise<void> {
  await waitUntil("nothing is left under way", isQuiet);
  const client = http2Client(site.tested.port);
  expect((await client.ask()).status).toBe(200);
  await client.close();
  expect(parseAnswer(await site.exchange(getRequest())).status).toBe(200);
}

/** Sends until the other side closes. */
async function flood(connection: FrameConnection, make: (turn: number) => Buffer): Promise<void> {
  for (let turn = 0; !connection.isClosed(); turn += 1) {
    if (turn > 100_000) throw new Error("The flood was borne.");
    connection.send(make(turn));
    await nextTurn();
  }
}

const encode = (...frames: Frame[]): Buffer => Buffer.concat(frames.map(encodeFrame));

describe("a client that floods is cut off, and others are served on", () => {
  test("by requests that it takes back at once (CVE-2023-44487)", async () => {
    site.answer = () => undefined;
    const connection = frameConnection(site.tested.port);
    await flood(connection, (turn) => {
      const stream = 1 + 2 * turn;
      return encode(requestFrame(stream), resetFrame(stream));
    });
    site.answer = (_request, response) => response.end("hello");
    await servesOn();
  });

  test("by requests whose streams it makes the gateway reset (CVE-2025-8671)", async () => {
    const connection = frameConnection(site.tested.port);
    await flood(connection, (turn) => {
      const stream = 1 + 2 * turn;
      return encode(requestFrame(stream), frame(frameTypes.windowUpdate, stream, Buffer.alloc(4)));
    });
    await servesOn();
  });

  test("by headers that go on and on (CVE-2024-27983)", async () => {
    const connection = frameConnection(site.tested.port);
    connection.send(frame(frameTypes.headers, 1, headerBlock(getFields), frameFlags.endStream));
    await flood(connection, (turn) =>
      encode(frame(frameTypes.continuation, 1, headerBlock([[`x-${turn}`, "y".repeat(1_000)]]))),
    );
    await servesOn();
  });

  test("by settings", async () => {
    const connection = frameConnection(site.tested.port);
    await flood(connection, () => encode(frame(frameTypes.settings, 0)));
    await servesOn();
  });

  test("by pings", async () => {
    const connection = frameConnection(site.tested.port);
    await flood(connection, () => encode(frame(frameTypes.ping, 0, Buffer.alloc(8))));
    await servesOn();
  });
});

describe("more streams at once than announced", () => {
  const most = 128;
  const held: (() => void)[] = [];
  const open = async (acknowledges: boolean) => {
    held.length = 0;
    site.answer = (_request, response) => held.push(() => response.end("hello"));
    const connection = frameConnection(site.tested.port);
    const settings = await connection.until("its settings", ({ type }) => type === frameTypes.settings);
    // Identifier 3 is SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113 §6.5.2).
    expect(settings.payload.toString("hex")).toContain(`0003${most.toString(16).padStart(8, "0")}`);
    if (acknowledges) connection.send(frame(frameTypes.settings, 0, "", 1));
    for (let turn = 0; turn <= most; turn += 1) connection.send(requestFrame(1 + 2 * turn));
    return connection;
  };

  test("are refused while a client may not know yet, and those under way go on", async () => {
    const connection = await open(false);
    const refused = await connection.until("one is reset", ({ type }) => type === frameTypes.reset);
    expect(refused.stream).toBe(1 + 2 * most);
    expect(refused.payload.readUInt32BE()).toBe(constants.NGHTTP2_REFUSED_STREAM);
    await waitUntil("the others are at the application", () => held.length === most);
    for (const release of held) release();
    await waitUntil("all are answered", () => {
      return connection.received.filter(({ type }) => type === frameTypes.headers).length === most;
    });
    connection.socket.destroy();
  });

  test("cost the connection of one that knows", async () => {
    const connection = await open(true);
    expect(await connection.closed()).toBe(constants.NGHTTP2_PROTOCOL_ERROR);
    site.answer = (_request, response) => response.end("hello");
    await servesOn();
  });
});

describe("a malformed request never reaches an application", () => {
  /** The fields of a GET with others in their place, or without them, and more behind. */
  const request = (changes: Record<string, string | undefined>, ...more: [string, string][]) => {
    const fields: [string, string][] = [];
    for (const [name, value] of getFields) {
      const changed = name in changes ? changes[name] : value;
      if (changed !== undefined) fields.push([name, changed]);
    }
    return [...fields, ...more];
  };

  test.each([
    ["no method", request({ ":method": undefined })],
    ["no path", request({ ":path": undefined })],
    ["no scheme", request({ ":scheme": undefined })],
    ["an empty path", request({ ":path": "" })],
    ["two methods", [[":method", "GET"], ...getFields]],
    ["a pseudo-header after a header", [["x-a", "b"], ...getFields]],
    ["an unknown pseudo-header", request({}, [":x", "y"])],
    ["capitals in a name", request({}, ["X-A", "b"])],
    ["Connection", request({}, ["connection", "close"])],
    ["Keep-Alive", request({}, ["keep-alive", "timeout=5"])],
    ["Transfer-Encoding", request({}, ["transfer-encoding", "chunked"])],
    ["Upgrade", request({}, ["upgrade", "websocket"])],
    ["TE with more than trailers", request({}, ["te", "gzip"])],
    ["no authority and no Host", request({ ":authority": undefined })],
    ["two Hosts", request({}, ["host", "acme.localhost"], ["host", "other.localhost"])],
    ["an authority with a user", request({ ":authority": "a@acme.localhost" })],
    ["an authority with a path", request({ ":authority": "acme.localhost/x" })],
    ["a list of authorities", request({ ":authority": "acme.localhost, other.localhost" })],
    ["a whole URL as the path", request({ ":path": "http://acme.localhost/" })],
    ["a space in the path", request({ ":path": "/ HTTP/1.1" })],
    ["a line break in the path", request({ ":path": "/ HTTP/1.1\r\nx-a: b" })],
    ["a length that isn't kept", request({}, ["content-length", "3"])],
    ["two lengths", request({}, ["content-length", "0"], ["content-length", "0"])],
  ] as [string, [string, string][]][])("%s ends its stream", async (_name, malformed) => {
    const connection = frameConnection(site.tested.port);
    connection.send(requestFrame(1, malformed));
    const reset = await connection.until("it is reset", ({ type }) => type === frameTypes.reset);
    expect(reset.payload.readUInt32BE()).toBe(constants.NGHTTP2_PROTOCOL_ERROR);
    connection.send(requestFrame(3));
    await connection.until("the next is answered", ({ stream }) => stream === 3);
    expect(reached).toEqual(["GET /"]);
    connection.socket.destroy();
  });

  test.each([
    ["a Host that isn't the authority", request({}, ["host", "other.localhost"])],
    ["a target that is no path", request({ ":method": "OPTIONS", ":path": "*" })],
    ["a fragment in the path", request({ ":path": "/a#b" })],
    ["a byte beyond ASCII in the path", request({ ":path": "/\xe4" })],
    ["an unknown method", request({ ":method": "BREW" })],
    ["another scheme", request({ ":scheme": "ftp" })],
  ] as [string, [string, string][]][])("%s gets 400", async (_name, malformed) => {
    const connection = frameConnection(site.tested.port);
    connection.send(requestFrame(1, malformed));
    const problem = await connection.until("it is answered", ({ type }) => type === frameTypes.data);
    expect(String(problem.payload)).toContain('"status":400');
    expect(String(problem.payload)).toContain("invalid_http");
    expect(reached).toEqual([]);
    connection.socket.destroy();
  });

  test("a tunnel and an echo of the request are refused", async () => {
    const client = http2Client(site.tested.port);
    expect((await client.ask({ ":method": "TRACE" })).status).toBe(405);
    const connection = frameConnection(site.tested.port);
    connection.send(
      requestFrame(1, [
        [":method", "CONNECT"],
        [":authority", "acme.localhost:80"],
      ]),
    );
    const body = await connection.until("it is answered", ({ type }) => type === frameTypes.data);
    expect(String(body.payload)).toContain("method_not_allowed");
    expect(reached).toEqual([]);
    connection.socket.destroy();
    await client.close();
  });

  test.each([
    ["a line break", "b\r\nx-b: c"],
    ["a NUL", "b\0c"],
    ["a space before it", " b"],
  ])("a header whose value holds %s is left out", async (_name, value) => {
    let seen: string[] = [];
    site.answer = (request, response) => {
      seen = request.rawHeaders.map((text) => text.toLowerCase());
      response.end();
    };
    const connection = frameConnection(site.tested.port);
    connection.send(requestFrame(1, request({}, ["x-a", value], ["x-c", "d"])));
    await connection.until("it is answered", ({ stream }) => stream === 1);
    expect(seen).toContain("x-c");
    expect(seen).not.toContain("x-a");
    expect(seen).not.toContain("x-b");
    connection.socket.destroy();
  });

  test("bytes of UTF-8 in a value arrive as the bytes that they are", async () => {
    let seen: string | undefined;
    site.answer = (request, response) => {
      seen = request.headers["x-a"] as string;
      response.end();
    };
    // As characters these would be U+010D and U+010A, whose low bytes are a line break.
    const connection = frameConnection(site.tested.port);
    connection.send(requestFrame(1, request({}, ["x-a", "\xc4\x8d\xc4\x8a"])));
    await connection.until("it is answered", ({ type }) => type === frameTypes.headers);
    expect(seen).toBe("\xc4\x8d\xc4\x8a");
    connection.socket.destroy();
  });
});

test("headers that are too large get 431, much larger ones end the stream", async () => {
  const client = http2Client(site.tested.port);
  const large = await client.ask({ "x-large": "a".repeat(9_000) });
  expect(large.status).toBe(431);
  expect(String(large.body)).toContain("headers_too_large");
  const larger = await client.ask({ "x-large": "a".repeat(40_000) });
  expect(larger).toMatchObject({ status: 0, resetCode: constants.NGHTTP2_ENHANCE_YOUR_CALM });
  expect(reached).toEqual([]);
  await client.close();
});

describe("a gateway that waits for nobody", () => {
  let hasty: TestSite;
  beforeAll(async () => {
    hasty = await testSite({
      limits: {
        keepAliveTimeoutMs: 1_000,
        requestTimeoutMs: 500,
        unreadTimeoutMs: 500,
        headersTimeoutMs: 500,
      },
    });
  });
  afterAll(() => hasty?.stop());

  const isOver = () => hasty.tested.gateway.stats().active === 0;

  test("tells a connection on which nothing happens to go, and one that stays silent from the start too", async () => {
    const client = http2Client(hasty.tested.port);
    expect((await client.ask()).status).toBe(200);
    await client.closed;
    const silent = frameConnection(hasty.tested.port);
    expect(await silent.closed()).toBe(constants.NGHTTP2_NO_ERROR);
    const half = hasty.connect();
    half.write("PRI * HTTP/2.0");
    expect(await half.closed()).toBe("");
  });

  test("answers 408 to a client that dribbles its body", async () => {
    hasty.answer = (request) => void request.on("error", () => undefined).resume();
    const client = http2Client(hasty.tested.port);
    const stream = client.start({ ":method": "POST" }, true);
    const drops = setInterval(() => stream.destroyed || stream.write("a"), 50);
    let status: unknown;
    stream.on("response", (headers) => {
      status = headers[":status"];
    });
    stream.resume();
    await waitUntil("it is answered", () => status !== undefined);
    expect(status).toBe(408);
    clearInterval(drops);
    await client.close();
    await waitUntil("the application is let go", isOver);
  });

  test("cuts off a client that never opens its window, be the answer small or large", async () => {
    for (const size of [100, 5_000_000]) {
      let closed = 0;
      hasty.answer = (request, response) => {
        request.socket.on("close", () => {
          closed += 1;
        });
        response.end(Buffer.alloc(size));
      };
      const connection = frameConnection(hasty.tested.port);
      // Identifier 4 is SETTINGS_INITIAL_WINDOW_SIZE.
      connection.send(frame(frameTypes.settings, 0, Buffer.from("000400000000", "hex")));
      connection.send(requestFrame(1));
      const reset = await connection.until("it is reset", ({ type }) => type === frameTypes.reset);
      expect(reset.stream).toBe(1);
      await waitUntil("nothing is left under way", isOver);
      if (size > 1_000_000) await waitUntil("the application is let go", () => closed > 0);
      connection.socket.destroy();
    }
  });
});
