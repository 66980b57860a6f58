import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type TestSite, testSite } from "../testing/gateway.ts";
import { secureConnection, type TestTls, testTls } from "../testing/gateway-tls.ts";
import { http2Client } from "../testing/http2.ts";
import { getRequest, parseAnswer, rawConnection } from "../testing/raw-http.ts";
import { waitUntil } from "../testing/wait-until.ts";

let site: TestSite;
let tls: TestTls;
let reached = 0;

beforeAll(async () => {
  tls = testTls();
  site = await testSite({
    tls: tls.options,
    limits: { maxBodyBytes: 1_000, upstreamHeadersTimeoutMs: 600, lapsedGraceMs: 50 },
  });
  const nowhere = await site.registry.upstream(["http://127.0.0.1:1"]);
  const rows = {
    provisioning: { status: "provisioning", progress: 0.4 },
    suspended: { status: "suspended" },
    maintenance: { status: "maintenance" },
    failed: { status: "failed" },
    deleted: { status: "deleted" },
    nothing: { upstreamId: null },
    nowhere: { upstreamId: nowhere },
    mute: {},
    events: {},
  };
  for (const [name, row] of Object.entries(rows)) {
    await site.registry.routes([`${name}.localhost`], { upstreamId: site.upstreamId, ...row });
  }
  await site.tested.caughtUp();
});
beforeEach(() => {
  reached = 0;
  site.answer = (request, response) => {
    if (request.headers.host?.startsWith("mute")) return;
    reached += 1;
    request.resume();
    response.end("hello");
  };
});
afterAll(() => site?.stop());

type Asked = { method?: string; path?: string; headers?: Record<string, string>; body?: string };
type Answer = { status: number; headers: Record<string, unknown>; body: string };
type Ask = (host: string, asked?: Asked) => Promise<Answer>;

async function askHttp1(
  connection: Pick<ReturnType<typeof rawConnection>, "write" | "closed">,
  host: string,
  asked: Asked,
) {
  const { method = "GET", path = "/", headers = {}, body } = asked;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  if (body !== undefined) lines.push(`content-length: ${body.length}`);
  const head = getRequest(path, ...lines)
    .replace("acme.localhost", host)
    .replace("GET", method);
  connection.write(`${head}${body ?? ""}`);
  const answer = parseAnswer(await connection.closed());
  const pairs = answer.head.split("\r\n").slice(1);
  const named = pairs.map((line) => [
    line.slice(0, line.indexOf(":")).toLowerCase(),
    line.slice(line.indexOf(":") + 2),
  ]);
  return {
    status: answer.status,
    headers: Object.fromEntries(named),
    body: Buffer.from(answer.body, "latin1").toString(),
  };
}

async function askHttp2(client: ReturnType<typeof http2Client>, host: string, asked: Asked): Promise<Answer> {
  const { method = "GET", path = "/", headers = {}, body } = asked;
  const { status, ...answer } = await client.ask(
    { ":method": method, ":path": path, ":authority": host, ...headers },
    body,
  );
  await client.close();
  return { status, headers: answer.headers, body: String(answer.body) };
}

const protocols: [string, Ask][] = [
  ["HTTP/1.1", (host, asked = {}) => askHttp1(rawConnection(site.tested.port), host, asked)],
  ["HTTP/2 in cleartext", (host, asked = {}) => askHttp2(http2Client(site.tested.port), host, asked)],
  [
    "HTTP/1.1 under TLS",
    (host, asked = {}) => {
      const options = { ca: tls.ca, servername: host.replace(/:.*/, ""), ALPNProtocols: ["http/1.1"] };
      return askHttp1(secureConnection(site.tested.tlsPort!, options), host, asked);
    },
  ],
  [
    "HTTP/2 under TLS",
    (host, asked = {}) =>
      askHttp2(
        http2Client(site.tested.tlsPort!, { ca: tls.ca, servername: host.replace(/:.*/, "") }),
        host,
        asked,
      ),
  ],
];

describe.each(protocols)("over %s", (name, ask) => {
  const html = { accept: "text/html,*/*" };

  test.each([
    ["provisioning", 503, "tenant_provisioning", "is being set up"],
    ["suspended", 503, "tenant_suspended", "is switched off"],
    ["maintenance", 503, "tenant_maintenance", "will be right back"],
    ["failed", 503, "tenant_failed", "couldn’t be set up"],
    ["deleted", 410, "tenant_deleted", "is gone"],
    ["nothing", 503, "no_upstream", "isn’t running"],
    ["nowhere", 502, "upstream_unreachable", "doesn’t answer"],
    ["mute", 504, "upstream_timeout", "took too long"],
  ])(
    "a host that is %s answers %i, as a page to people and a problem to programs",
    async (host, status, code, words) => {
      const page = await ask(`${host}.localhost`, { headers: html });
      expect(page).toMatchObject({ status, body: expect.stringContaining(`Acme Ltd ${words}`) });
      expect(page.headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "tenantry-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
      if (status === 503) expect(page.headers["retry-after"]).toMatch(/^\d+$/);
      const problem = await ask(`${host}.localhost`);
      expect(problem).toMatchObject({
        status,
        headers: { "content-type": expect.stringContaining("problem+json") },
      });
      expect(JSON.parse(problem.body)).toMatchObject({ status, code });
      const head = await ask(`${host}.localhost`, { method: "HEAD", headers: html });
      expect(head).toMatchObject({ status, body: "" });
      expect(Number(head.headers["content-length"])).toBeGreaterThan(0);
      expect(reached).toBe(0);
    },
  );

  test("an unknown host is 404; under TLS there is no certificate to say so with", async () => {
    if (name.endsWith("TLS")) {
      expect((await ask("nobody.localhost")).status).not.toBe(200);
      return;
    }
    const problem = await ask("nobody.localhost");
    expect(JSON.parse(problem.body)).toMatchObject({ status: 404, code: "unknown_host" });
  });

  test("health answers, other reserved paths are 404", async () => {
    const health = await ask("suspended.localhost", { path: "/_tenantry/health" });
    expect(JSON.parse(health.body)).toMatchObject({ hostname: "suspended.localhost", status: "suspended" });
    expect((await ask("acme.localhost", { path: "/_tenantry/ready" })).status).toBe(200);
    expect((await ask("acme.localhost", { path: "/_tenantry/other" })).status).toBe(404);
  });

  test("a body that is too large is 413", async () => {
    const refused = await ask("acme.localhost", { method: "POST", body: "x".repeat(1_001) });
    expect(JSON.parse(refused.body)).toMatchObject({ status: 413, code: "payload_too_large" });
    expect((await ask("acme.localhost", { method: "POST", body: "x".repeat(1_000) })).status).toBe(200);
  });

  test("an open event stream ends when its host is suspended", async () => {
    await site.registry.routes(["events.localhost"], { upstreamId: site.upstreamId });
    await site.tested.caughtUp();
    let open: ServerResponse | undefined;
    site.answer = (_request, response) => {
      open = response;
      response.writeHead(200, { "Content-Type": "text/event-stream" }).write("data: 1\n\n");
    };
    // It breaks off, as a stream that has no end can only do.
    const stream = ask("events.localhost").catch(() => undefined);
    await waitUntil("it is open", () => open !== undefined && site.tested.gateway.stats().bytesSent > 0);
    await site.registry.routes(["events.localhost"], { status: "suspended" });
    await stream;
    await waitUntil("the application is let go", () => open?.destroyed);
  });
});

test("pages are the same, whatever they came over", async () => {
  const bodies = await Promise.all(
    protocols.map(async ([, ask]) => {
      const { body } = await ask("suspended.localhost", { headers: { accept: "text/html" } });
      return createHash("sha256")
        .update(body.replaceAll(/[0-9a-f-]{36}/g, ""))
        .digest("hex");
    }),
  );
  expect(new Set(bodies).size).toBe(1);
});
