import { createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type TestSite, type TestUpstream, testSite, testUpstream } from "../testing/gateway.ts";
import { getRequest, parseAnswer } from "../testing/raw-http.ts";
import { waitUntil } from "../testing/wait-until.ts";

let site: TestSite;
const opened: { close(): unknown }[] = [];

beforeAll(async () => {
  site = await testSite({
    limits: {
      maxBodyBytes: 1_000,
      maxHeaderBytes: 8_192,
      headersTimeoutMs: 300,
      requestTimeoutMs: 600,
      upstreamHeadersTimeoutMs: 300,
      upstreamIdleTimeoutMs: 300,
      upstreamConnections: 2,
      upstreamPending: 2,
      upstreamQueueTimeoutMs: 400,
      unreadTimeoutMs: 300,
    },
  });
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
afterAll(() => site?.stop());

/** A host whose application is a server of raw sockets. */
async function rawApplication(
  hostname: string,
  talk: (socket: Socket, turn: number) => void,
): Promise<string> {
  let turn = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    turn += 1;
    talk(socket, turn);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.push({
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  });
  const { port } = server.address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  await route(hostname, [url]);
  return url;
}

async function route(hostname: string, urls: string[]): Promise<void> {
  await site.registry.routes([hostname], { upstreamId: await site.registry.upstream(urls) });
  await site.tested.caughtUp();
}

async function application(listener: Parameters<typeof testUpstream>[0]): Promise<TestUpstream> {
  const started = await testUpstream(listener);
  opened.push(started);
  return started;
}

/** A port on which nothing listens. */
async function deadUrl(): Promise<string> {
  const { url, close } = await testUpstream(() => undefined);
  await close();
  return url;
}

const get = (host: string, line = "GET /") =>
  `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
const problemOf = (text: string) => JSON.parse(parseAnswer(text).body) as { code: string; status: number };

test("an application that is down gives 502", async () => {
  await route("down.localhost", [await deadUrl()]);
  const text = await site.exchange(get("down.localhost"));
  expect(text).toMatch(/^HTTP\/1.1 502 Bad Gateway\r\n/);
  expect(problemOf(text).code).toBe("upstream_unreachable");
  expect(text).toMatch(/\r\nretry-after: \d+\r\n/i);
});

test("a host without an application gives 503", async () => {
  await site.registry.routes(["none.localhost"]);
  await route("empty.localhost", []);
  for (const host of ["none.localhost", "empty.localhost"]) {
    expect(problemOf(await site.exchange(get(host)))).toMatchObject({ status: 503, code: "no_upstream" });
  }
});

test("while one address is down the others answer, also to what must not be sent twice", async () => {
  const alive = await application((request, response) => request.pipe(response));
  await route("half.localhost", [await deadUrl(), alive.url, await deadUrl()]);
  for (let turn = 0; turn < 6; turn += 1) {
    const text = await site.exchange(
      "POST / HTTP/1.1\r\nHost: half.localhost\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    );
    expect(parseAnswer(text)).toMatchObject({ status: 200, body: "abc" });
  }
});

test("an application that doesn't answer in time gives 504", async () => {
  await rawApplication("mute.localhost", () => undefined);
  const text = await site.exchange(get("mute.localhost"));
  expect(problemOf(text)).toMatchObject({ status: 504, code: "upstream_timeout" });
});

test("an answer that stops in the middle is cut off, not completed", async () => {
  await rawApplication("stall.localhost", (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  });
  const text = await site.exchange(get("stall.localhost"));
  expect(parseAnswer(text)).toMatchObject({ status: 200, body: "hello" });
  expect(text).toMatch(/content-length: 10/i);
});

test("an answer whose connection breaks is cut off: a chunked one lacks its end", async () => {
  await rawApplication("broken.localhost", (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", () =>
      socket.destroy(),
    );
  });
  const text = await site.exchange(get("broken.localhost"));
  expect(text).toMatch(/hello\r\n$/);
});

test.each([
  ["isn't HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
  [
    "frames its body in two ways",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
  ],
  ["smuggles a line break", "HTTP/1.1 200 OK\r\nX-A: b\nX-C: d\r\n\r\n"],
])("an answer that %s gives 502", async (name, answer) => {
  const host = `${name.replaceAll(/[^a-z]/g, "")}.localhost`;
  await rawApplication(host, (socket) => socket.end(answer));
  expect(problemOf(await site.exchange(get(host)))).toMatchObject({ status: 502 });
});

test("what follows an answer unasked for is never taken for the answer of the next request", async () => {
  const planted = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nplanted";
  let givenUp = 0;
  await rawApplication("queue.localhost", (socket, turn) => {
    socket.on("close", () => {
      givenUp += 1;
    });
    socket.on("data", () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${turn}`);
      // Once glued to the answer, once a moment later.
      if (turn % 2 === 0) socket.write(planted);
      else setTimeout(() => socket.write(planted), 20);
    });
  });
  const connection = site.connect();
  for (let turn = 1; turn <= 4; turn += 1) {
    connection.write("GET / HTTP/1.1\r\nHost: queue.localhost\r\n\r\n");
    await waitUntil("it is answered", () => connection.received().split("HTTP/1.1 200").length === turn + 1);
    await waitUntil("its connection is given up", () => givenUp === turn, 1_000);
  }
  expect(connection.received()).not.toContain("planted");
  connection.socket.destroy();
});

test("a connection that the application closed while idle costs a GET nothing; a POST is not sent twice", async () => {
  const requests: string[] = [];
  await rawApplication("stale.localhost", (socket, turn) => {
    let seen = 0;
    socket.on("data", (data) => {
      seen += 1;
      requests.push(String(data).slice(0, 4));
      // The second request on a connection finds it closing.
      if (seen === 2) socket.destroy();
      else socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${turn}`);
    });
  });
  const connection = site.connect();
  const send = async (line: string, expected: string) => {
    const before = connection.received().length;
    connection.write(`${line} HTTP/1.1\r\nHost: stale.localhost\r\nContent-Length: 0\r\n\r\n`);
    await waitUntil("it is answered", () => connection.received().slice(before).includes(expected));
  };
  await send("GET /", "\r\n\r\n1");
  await send("GET /", "\r\n\r\n2");
  await send("POST /", "502 Bad Gateway");
  expect(requests).toEqual(["GET ", "GET ", "GET ", "POST"]);
  connection.socket.destroy();
});

test("a request under way when its upstream moves elsewhere is still bound to its times", async () => {
  let arrived = false;
  const url = await rawApplication("moved.localhost", (socket) => {
    socket.on("data", () => {
      arrived = true;
    });
  });
  const upstreamId = await site.registry.upstream([url]);
  await site.registry.routes(["moved.localhost"], { upstreamId });
  await site.tested.caughtUp();
  const answer = site.exchange(get("moved.localhost"));
  await waitUntil("it is at the application", () => arrived);
  const { url: next } = await application((_request, response) => response.end("moved"));
  await site.registry.upstream([next], upstreamId);
  await site.tested.caughtUp();
  expect(parseAnswer(await site.exchange(get("moved.localhost"))).body).toBe("moved");
  expect(parseAnswer(await answer).status).toBe(504);
});

test("a client that doesn't read its answer is cut off, and lets go of the application", async () => {
  let closed = false;
  const huge = await application((request, response) => {
    request.socket.on("close", () => {
      closed = true;
    });
    response.writeHead(200, { "Content-Length": 100_000_000 });
    response.write(Buffer.alloc(50_000_000));
  });
  await route("unread.localhost", [huge.url]);
  const connection = site.connect();
  connection.socket.pause();
  connection.write("GET / HTTP/1.1\r\nHost: unread.localhost\r\n\r\n");
  await waitUntil("the application's connection is closed", () => closed);
  await waitUntil("the request is over", () => site.tested.gateway.stats().active === 0);
  connection.socket.destroy();
});

test("a client that leaves ends its request at the application too", async () => {
  let arrived = 0;
  let closed = 0;
  await rawApplication("leave.localhost", (socket) => {
    socket.on("data", () => {
      arrived += 1;
    });
    socket.on("close", () => {
      closed += 1;
    });
  });
  const before = site.tested.gateway.stats().abandoned;
  const connection = site.connect();
  connection.write("GET / HTTP/1.1\r\nHost: leave.localhost\r\n\r\n");
  await waitUntil("it is under way", () => arrived === 1);
  connection.socket.destroy();
  await waitUntil("the application's connection is closed", () => closed === 1);
  expect(site.tested.gateway.stats().abandoned).toBe(before + 1);
});

test("a client that leaves in the middle of its body ends its request at the application too", async () => {
  let state = "";
  site.answer = (request) => {
    request.on("error", () => undefined);
    request.on("data", () => {
      state = "begun";
    });
    request.on("close", () => {
      state = request.complete ? "complete" : "aborted";
    });
  };
  const connection = site.connect();
  connection.write("POST / HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: 100\r\n\r\nhalf");
  await waitUntil("the body arrives", () => state === "begun");
  connection.socket.destroy();
  await waitUntil("the application knows", () => state === "aborted");
});

test("clients that leave by the hundred don't wedge the pool", async () => {
  site.answer = () => undefined;
  for (let round = 0; round < 50; round += 1) {
    const connections = Array.from({ length: 4 }, () => site.connect());
    for (const connection of connections) connection.write("GET / HTTP/1.1\r\nHost: acme.localhost\r\n\r\n");
    await waitUntil("they are under way", () => site.tested.gateway.stats().active >= 4);
    for (const connection of connections) connection.socket.destroy();
    await waitUntil("they are gone", () => site.tested.gateway.stats().active === 0);
  }
  site.answer = (_request, response) => response.end("hello");
  const answers = await Promise.all(Array.from({ length: 4 }, () => site.exchange(getRequest("/"))));
  expect(answers.every((answer) => answer.endsWith("hello"))).toBe(true);
});

test("more requests than connections wait their turn; too many get 503, and so do those that wait too long", async () => {
  const held: (() => void)[] = [];
  const slow = await application((_request, response) => {
    held.push(() => response.end("at last"));
  });
  await route("slow.localhost", [slow.url]);
  const answers = Array.from({ length: 5 }, () => site.exchange(get("slow.localhost")));
  const first = await Promise.race(answers);
  expect(problemOf(first)).toMatchObject({ status: 503, code: "busy" });
  await waitUntil("two are at the application", () => held.length === 2);
  for (const release of held.splice(0)) release();
  await waitUntil("the next two are at the application", () => held.length === 2);
  for (const release of held.splice(0)) release();
  const statuses = (await Promise.all(answers)).map((text) => parseAnswer(text).status);
  expect(statuses.sort()).toEqual([200, 200, 200, 200, 503]);
});

test("a body that is too large gets 413: by what it says, and by what comes", async () => {
  let reached = 0;
  site.answer = (request) => {
    reached += 1;
    request.on("error", () => undefined).resume();
  };
  const said = await site.exchange(
    "POST / HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: 1001\r\nConnection: close\r\n\r\n",
  );
  expect(problemOf(said)).toMatchObject({ status: 413, code: "payload_too_large" });
  expect(reached).toBe(0);
  const counted = await site.exchange(
    `POST / HTTP/1.1\r\nHost: acme.localhost\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n${"a".repeat(500)}\r\n1f5\r\n${"a".repeat(501)}\r\n`,
  );
  expect(problemOf(counted)).toMatchObject({ status: 413, code: "payload_too_large" });
});

test("a client still sending its large body gets to read the refusal", async () => {
  const refusals = () => site.tested.gateway.stats().refusals.payload_too_large ?? 0;
  const before = refusals();
  const connection = site.connect();
  connection.socket.pause();
  connection.write("POST / HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: 50000000\r\n\r\n");
  await waitUntil("it is refused", () => refusals() === before + 1);
  // It goes on for a while before it looks: a connection reset meanwhile would cost it the answer.
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise<void>((sent) => connection.socket.write(Buffer.alloc(1_000_000), () => sent()));
  }
  connection.socket.resume();
  expect(await connection.until("payload_too_large")).toMatch(/^HTTP\/1.1 413 [\s\S]*connection: close/i);
  await connection.closed();
});

test("headers that are too large get 431", async () => {
  const text = await site.exchange(getRequest("/", `X-Large: ${"a".repeat(9_000)}`));
  expect(text).toMatch(/^HTTP\/1.1 431 Request Header Fields Too Large\r\n/);
  expect(problemOf(text).code).toBe("headers_too_large");
});

test("a client that dribbles its headers, or its body, gets 408 and is cut off", async () => {
  const headers = site.connect();
  headers.write("GET / HTTP/1.1\r\nHost: acme.localhost\r\n");
  const dribble = setInterval(() => headers.write("X-A: b\r\n"), 50);
  expect(await headers.closed()).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
  clearInterval(dribble);

  site.answer = (request) => void request.on("error", () => undefined).resume();
  const body = site.connect();
  body.write("POST / HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: 500\r\n\r\n");
  const drops = setInterval(() => body.write("a"), 50);
  expect(await body.closed()).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
  clearInterval(drops);
});
