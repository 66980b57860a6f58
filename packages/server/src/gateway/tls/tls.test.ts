import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import path from "node:path";
import type { TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type TestSite, testGateway, testSite } from "../../testing/gateway.ts";
import {
  clientHello,
  type SecureConnection,
  secureConnection,
  type TestTls,
  testTls,
} from "../../testing/gateway-tls.ts";
import { http2Client } from "../../testing/http2.ts";
import { requireProgram } from "../../testing/programs.ts";
import { getRequest, parseAnswer, rawConnection } from "../../testing/raw-http.ts";
import { waitUntil } from "../../testing/wait-until.ts";

let site: TestSite;
let tls: TestTls;
let port: number;
let seen: IncomingMessage;

beforeAll(async () => {
  tls = testTls();
  site = await testSite({ tls: tls.options });
  port = site.tested.tlsPort!;
  await site.registry.routes(["other.localhost"], { upstreamId: site.upstreamId });
  await site.tested.caughtUp();
});
beforeEach(() => {
  site.answer = (request, response) => {
    seen = request;
    response.end("hello");
  };
});
afterAll(() => site?.stop());

const secure = (options: Parameters<typeof secureConnection>[1] = {}): SecureConnection =>
  secureConnection(port, { ca: tls.ca, ...options });

const client = (servername = "acme.localhost") => http2Client(port, { ca: tls.ca, servername });

test("HTTP/1.1 and HTTP/2 are spoken as agreed on, in the host's own name, and the application hears of https", async () => {
  const old = secure({ ALPNProtocols: ["http/1.1"] });
  old.write(getRequest());
  expect(parseAnswer(await old.closed())).toMatchObject({ status: 200, body: "hello" });
  expect(seen.headers).toMatchObject({
    "x-forwarded-proto": "https",
    "x-forwarded-for": "127.0.0.1",
    forwarded: 'for=127.0.0.1;host="acme.localhost";proto=https',
  });

  const modern = client();
  const answer = await modern.ask();
  expect(String(answer.body)).toBe("hello");
  expect(modern.session.alpnProtocol).toBe("h2");
  expect(seen.headers["x-forwarded-proto"]).toBe("https");
  const { subjectaltname } = (modern.session.socket as TLSSocket).getPeerCertificate();
  expect(subjectaltname).toBe("DNS:acme.localhost");
  await modern.close();

  const unsaid = secure({});
  unsaid.write(getRequest());
  expect(parseAnswer(await unsaid.closed())).toMatchObject({ status: 200, body: "hello" });
});

test("curl finds its way by either, once it believes the authority", async () => {
  const file = path.join(site.tested.directory, "authority.pem");
  await writeFile(file, tls.ca);
  for (const [flag, version] of [
    ["--http1.1", "1.1"],
    ["--http2", "2"],
  ] as const) {
    const { stdout } = await promisify(execFile)(requireProgram("curl"), [
      ...["-sS", flag, "--cacert", file, "--connect-to", `::127.0.0.1:${port}`],
      ...["-w", " %{http_version} %{response_code}", `https://acme.localhost:${port}/`],
    ]);
    expect(stdout).toBe(`hello ${version} 200`);
  }
});

test("it listens on both loopback families", async () => {
  const connection = secure({ host: "::1" });
  connection.write(getRequest());
  expect(parseAnswer(await connection.closed()).status).toBe(200);
});

describe("no certificate is made, and no application reached", () => {
  test.each([
    ["for a name that leads nowhere", "nobody.localhost"],
    ["for a name that isn't below the root domain", "example.com"],
    ["without a name", ""],
  ])("%s", async (_name, servername) => {
    const before = tls.issued.length;
    const connection = secure({ servername, rejectUnauthorized: false });
    await connection.closed();
    expect(connection.error()).toBe("ERR_SSL_TLSV1_UNRECOGNIZED_NAME");
    expect(tls.issued.length).toBe(before);
  });

  test("for a client that speaks no protocol of ours", async () => {
    const connection = secure({ ALPNProtocols: ["spdy/3"] });
    await connection.closed();
    expect(connection.error()).toMatch(/NO_APPLICATION_PROTOCOL/);
  });

  test("for what isn't TLS: a browser that was sent to the wrong port is told", async () => {
    for (const [text, status] of [
      [getRequest(), 400],
      ["\x16\x03\x01\0\0", 400],
      ["\x16\x03\x01\xff\xff", 400],
    ] as const) {
      const connection = rawConnection(port);
      connection.write(text);
      const answer = parseAnswer(await connection.closed());
      expect(answer).toMatchObject({ status, body: "This port speaks HTTPS only.\n" });
    }
  });
});

test("one certificate is made for a host, however many come at once, and every name gets its own", async () => {
  await site.registry.routes(["fresh.localhost", "second.localhost"], { upstreamId: site.upstreamId });
  await site.tested.caughtUp();
  const clients = Array.from({ length: 8 }, () => client("fresh.localhost"));
  await Promise.all(clients.map((one) => one.ask({ ":authority": "fresh.localhost" })));
  const second = client("second.localhost");
  await second.ask({ ":authority": "second.localhost" });
  expect(tls.issued.filter((name) => name === "fresh.localhost")).toHaveLength(1);
  expect(tls.issued.filter((name) => name === "second.localhost")).toHaveLength(1);
  await Promise.all([...clients, second].map((one) => one.close()));
});

test("a connection that was secured for one host is misdirected when it asks for another", async () => {
  const modern = client();
  expect((await modern.ask()).status).toBe(200);
  const other = await modern.ask({ ":authority": "other.localhost" });
  expect(other.status).toBe(421);
  expect(JSON.parse(String(other.body))).toMatchObject({ code: "misdirected_request" });
  expect((await modern.ask({ ":authority": "ACME.localhost:8443" })).status).toBe(200);
  await modern.close();
  const old = secure();
  old.write(getRequest().replace("acme.localhost", "other.localhost"));
  expect(parseAnswer(await old.closed()).status).toBe(421);
});

describe.each(["tls1_2", "tls1_3"])("a session of %s", (version) => {
  /** As openssl does it, which offers a session to anybody: Node's own client is more careful than that. */
  const shake = async (name: string, session: string[], toPort = port): Promise<string | undefined> => {
    const child = execFile(requireProgram("openssl"), [
      ...[
        "s_client",
        "-connect",
        `127.0.0.1:${toPort}`,
        "-servername",
        name,
        `-${version}`,
        "-quiet",
        "-state",
      ],
      ...["-no_ign_eof", ...session],
    ]);
    let said = "";
    child.stderr?.on("data", (text) => {
      said += text;
    });
    let answer = "";
    child.stdout?.on("data", (text) => {
      answer += text;
    });
    const closed = once(child, "close");
    child.stdin?.write(getRequest().replace("acme.localhost", name));
    await waitUntil("it is answered", () => answer.includes("hello") || child.exitCode !== null);
    child.stdin?.end();
    await closed;
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    // A resumed handshake shows no certificate.
    return /server certificate/i.test(said) ? "new" : "resumed";
  };

  test("is resumed by its host at every gateway of the installation, and by no other host", async () => {
    const another = await testGateway(site.registry, { tls: tls.options });
    await another.caughtUp();
    const file = path.join(site.tested.directory, `session-${version}`);
    expect(await shake("acme.localhost", ["-sess_out", file])).toBe("new");
    for (const at of [port, another.tlsPort]) {
      expect(await shake("acme.localhost", ["-sess_in", file], at)).toBe("resumed");
      expect(await shake("other.localhost", ["-sess_in", file], at)).toBe("new");
    }
    await another.stop();
  });
});

test("a WebSocket is opened over HTTP/1.1, as browsers do it for wss", async () => {
  site.application.server.once("upgrade", (request, socket) => {
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\nwelcome`,
    );
    socket.on("error", () => undefined).on("end", () => socket.end());
    socket.on("data", (data: Buffer) => socket.write(`echo ${data}`));
  });
  const connection = secure({ ALPNProtocols: ["http/1.1"] });
  connection.write(
    "GET /chat HTTP/1.1\r\nHost: acme.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  );
  await connection.until("welcome");
  connection.write("ping");
  await connection.until("echo ping");
  connection.socket.destroy();
  await waitUntil("it is over", () => site.tested.gateway.stats().upgraded === 0);
});

test("a redirect of a renamed host stays on https and on its port", async () => {
  const expiresAt = new Date(Date.now() + 3_600_000);
  await site.registry.routes(["old.localhost"], { redirectTo: "acme.localhost", expiresAt });
  await site.tested.caughtUp();
  const modern = client("old.localhost");
  const answer = await modern.ask({ ":authority": `old.localhost:${port}`, ":path": "/a?b=c" });
  expect(answer).toMatchObject({
    status: 308,
    headers: { location: `https://acme.localhost:${port}/a?b=c` },
  });
  await modern.close();
});

test("a gateway that closes waits for nobody who is still shaking hands, and finishes what was asked", async () => {
  const tested = await testGateway(site.registry, { tls: tls.options });
  await tested.caughtUp();
  const silent = rawConnection(tested.tlsPort!);
  const gone = rawConnection(tested.tlsPort!);
  gone.write(await clientHello({ servername: "acme.localhost" }));
  await waitUntil("its hello is answered", () => gone.received().length > 0);
  const idle = secureConnection(tested.tlsPort!, { ca: tls.ca });
  idle.write(getRequest().replace("Connection: close\r\n", ""));
  await idle.until("hello");
  const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>();
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
  site.answer = (_request, response) => {
    isAsked();
    void mayAnswer.then(() => response.end("at last"));
  };
  const busy = secureConnection(tested.tlsPort!, { ca: tls.ca });
  busy.write(getRequest());
  await asked;
  const closing = tested.gateway.close({ drainMs: 600_000 });
  expect(await silent.closed()).toBe("");
  await gone.closed();
  await idle.closed();
  answer();
  expect(await busy.closed()).toContain("at last");
  await closing;
  await tested.stop();
});

test("a host that no certificate can be had for is refused, and tried again the next time", async () => {
  let broken = true;
  const tested = await testGateway(site.registry, {
    tls: {
      ...tls.options,
      async certificateFor(hostname) {
        if (broken) throw new Error("The authority is away.");
        return tls.options.certificateFor(hostname);
      },
    },
  });
  await tested.caughtUp();
  const refused = secureConnection(tested.tlsPort!, { ca: tls.ca });
  await refused.closed();
  expect(refused.error()).toBe("ERR_SSL_TLSV1_UNRECOGNIZED_NAME");
  broken = false;
  const served = secureConnection(tested.tlsPort!, { ca: tls.ca });
  served.write(getRequest());
  expect(parseAnswer(await served.closed()).status).toBe(200);
  await tested.stop();
});

describe("without automatic certificates", () => {
  const knock = async (to: number): Promise<string | undefined> => {
    const connection = secureConnection(to, { ca: tls.ca });
    connection.socket.once("secureConnect", () => connection.write(getRequest()));
    await connection.closed();
    return connection.error();
  };

  test("no host is secured as soon as the gateway hears of it, and all are again once they are wanted", async () => {
    expect(await knock(port)).toBeUndefined();
    const before = tls.issued.length;
    await site.registry.automaticTls(false);
    await site.tested.caughtUp();
    expect(await knock(port)).toBe("ERR_SSL_TLSV1_UNRECOGNIZED_NAME");
    expect(parseAnswer(await site.exchange(getRequest())).status).toBe(200);
    expect(tls.issued.length).toBe(before);
    await site.registry.automaticTls(true);
    await site.tested.caughtUp();
    expect(await knock(port)).toBeUndefined();
  });

  test("what is fixed on the node counts more than what the registry says", async () => {
    const tested = await testGateway(site.registry, { tls: { ...tls.options, automatic: false } });
    await tested.caughtUp();
    expect(await knock(tested.tlsPort!)).toBe("ERR_SSL_TLSV1_UNRECOGNIZED_NAME");
    await tested.stop();
  });
});
