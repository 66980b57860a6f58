import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestSite, testGateway, testSite } from "../testing/gateway.ts";
import { getRequest, parseAnswer, rawConnection } from "../testing/raw-http.ts";
import { waitUntil } from "../testing/wait-until.ts";

let site: TestSite;
let reached = 0;

beforeAll(async () => {
  site = await testSite();
  site.answer = (_request, response) => {
    reached += 1;
    response.end("hello");
  };
});
afterAll(() => site?.stop());

const get = (host: string, path: string, ...headers: string[]) =>
  getRequest(path, ...headers).replace("acme.localhost", host);

/** What a person and a program see on a host. */
async function both(host: string) {
  const page = parseAnswer(await site.exchange(get(host, "/", "Accept: text/html,*/*")));
  page.body = Buffer.from(page.body, "latin1").toString();
  const problem = parseAnswer(await site.exchange(get(host, "/")));
  return { page, problem };
}

async function host(name: string, row: Parameters<TestSite["registry"]["routes"]>[1] = {}): Promise<string> {
  const hostname = `${name}.localhost`;
  await site.registry.routes([hostname], { upstreamId: site.upstreamId, ...row });
  await site.tested.caughtUp();
  return hostname;
}

describe("a host that doesn't lead to its application says why, to people and to programs", () => {
  test.each([
    ["provisioning", 503, "tenant_provisioning", "is being set up"],
    ["suspended", 503, "tenant_suspended", "is switched off"],
    ["maintenance", 503, "tenant_maintenance", "will be right back"],
    ["failed", 503, "tenant_failed", "couldn’t be set up"],
    ["deleted", 410, "tenant_deleted", "is gone"],
  ])("%s", async (status, code, problemCode, words) => {
    reached = 0;
    const { page, problem } = await both(await host(status, { status, progress: 0.4 }));
    for (const { head } of [page, problem]) {
      expect(head).toMatch(/\r\ncache-control: no-store/i);
      expect(head).toMatch(/\r\ntenantry-request-id: [0-9a-f-]{36}/i);
      if (code === 503) expect(head).toMatch(/\r\nretry-after: \d+/i);
    }
    expect(page.status).toBe(code);
    expect(page.head).toMatch(/\r\ncontent-type: text\/html; charset=utf-8/i);
    expect(page.body).toContain(`Acme Ltd ${words}`);
    expect(problem.status).toBe(code);
    expect(JSON.parse(problem.body)).toMatchObject({ status: code, code: problemCode });
    expect(reached).toBe(0);
  });

  test("suspended for having used up its plan", async () => {
    reached = 0;
    const { page, problem } = await both(
      await host("quota", { status: "suspended", statusReason: "over_quota" }),
    );
    expect(page).toMatchObject({
      status: 503,
      body: expect.stringContaining("Acme Ltd has reached its limit"),
    });
    expect(page.head).toMatch(/\r\nretry-after: 3600/i);
    expect(JSON.parse(problem.body)).toMatchObject({ status: 503, code: "tenant_over_quota" });
    expect(reached).toBe(0);
  });

  test("unknown", async () => {
    const { page, problem } = await both("nobody.localhost");
    expect(page).toMatchObject({ status: 404, body: expect.stringContaining("There is no site here") });
    expect(JSON.parse(problem.body)).toMatchObject({ code: "unknown_host", status: 404 });
  });
});

test("provisioning shows its progress, and the page comes back by itself", async () => {
  const { page, problem } = await both(await host("half", { status: "provisioning", progress: 0.4 }));
  expect(page.body).toContain('<progress max="1" value="0.4" aria-label="Progress">40 %</progress>');
  expect(page.body).toContain('<noscript><meta http-equiv="refresh"');
  expect(JSON.parse(problem.body)).toMatchObject({ progress: 0.4 });
});

test("maintenance says what it was told to, as text, and when to come again", async () => {
  const message = `Back at <b>six</b> & "sooner"`;
  const hostname = await host("told", { status: "maintenance", message, retryAfterSeconds: 900 });
  const { page, problem } = await both(hostname);
  expect(page.body).toContain("Back at &lt;b&gt;six&lt;/b&gt; &amp; &quot;sooner&quot;");
  expect(page.body).not.toContain("<b>");
  expect(JSON.parse(problem.body)).toMatchObject({ detail: message });
  for (const { head } of [page, problem]) expect(head).toMatch(/\r\nretry-after: 900\r\n/i);
});

test("a page loads nothing, runs only its own script, and shows a hostile name as text", async () => {
  const name = `<img src=x onerror=alert(1)>"'&`;
  const { page } = await both(await host("hostile", { status: "suspended", tenantName: name }));
  expect(page.body).toContain("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;");
  expect(page.body).not.toContain("<img");
  expect(page.head).toMatch(
    /content-security-policy: default-src 'none'; connect-src 'self'; style-src 'sha256-/i,
  );
  expect(page.body.replaceAll("src=x", "")).not.toMatch(/(src|href)=|url\(|@import/);
});

test("a refusal to HEAD has the headers and no body", async () => {
  const hostname = await host("head", { status: "suspended" });
  const text = await site.exchange(
    `HEAD / HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\nAccept: text/html\r\n\r\n`,
  );
  expect(parseAnswer(text)).toMatchObject({ status: 503, body: "" });
  expect(text).toMatch(/content-length: [1-9]/i);
});

test("a change of status is what the next request sees, at once", async () => {
  const hostname = await host("switch");
  expect(parseAnswer(await site.exchange(get(hostname, "/"))).status).toBe(200);
  await site.registry.routes([hostname], { status: "suspended" });
  await site.tested.caughtUp();
  expect(parseAnswer(await site.exchange(get(hostname, "/"))).status).toBe(503);
  await site.registry.removeRoutes([hostname]);
  await site.tested.caughtUp();
  expect(parseAnswer(await site.exchange(get(hostname, "/"))).status).toBe(404);
});

test("a renamed host redirects with path, query and port, until its time is over", async () => {
  const hostname = await host("old", {
    redirectTo: "new.localhost",
    expiresAt: new Date(Date.now() + 3_600_000),
  });
  const text = await site.exchange(get(`${hostname}:8585`, "/a%2Fb?c=d"));
  expect(text).toMatch(
    /^HTTP\/1.1 308 Permanent Redirect\r\nLocation: http:\/\/new.localhost:8585\/a%2Fb\?c=d\r\n/,
  );
  const over = await host("over", { redirectTo: "new.localhost", expiresAt: new Date(Date.now() - 1_000) });
  expect(parseAnswer(await site.exchange(get(over, "/"))).status).toBe(404);
});

test("/_tenantry/ is the gateway's own: health answers for every known host, the rest is 404", async () => {
  reached = 0;
  const hostname = await host("health", { status: "provisioning", progress: 0.5 });
  const health = parseAnswer(await site.exchange(get(hostname, "/_tenantry/health")));
  expect(health.status).toBe(200);
  expect(JSON.parse(health.body)).toEqual({
    hostname,
    status: "provisioning",
    progress: 0.5,
    environment: "production",
    redirectTo: null,
  });
  for (const path of ["/_tenantry", "/_tenantry/", "/_tenantry/other", "/_tenantry/health/x"]) {
    expect(parseAnswer(await site.exchange(get("acme.localhost", path))).status).toBe(404);
  }
  expect(parseAnswer(await site.exchange(get("nobody.localhost", "/_tenantry/health"))).status).toBe(404);
  expect(reached).toBe(0);
});

test("/_tenantry/ready answers under any name whether to send requests here", async () => {
  let isDraining = false;
  const tested = await testGateway(site.registry, { isDraining: () => isDraining });
  const ask = async (path: string) => {
    const connection = rawConnection(tested.port);
    connection.write(getRequest(path).replace(/Host: .*/, "Host: 10.0.0.1"));
    return parseAnswer(await connection.closed()).status;
  };
  await tested.caughtUp();
  expect(await ask("/_tenantry/ready")).toBe(200);
  isDraining = true;
  expect(await ask("/_tenantry/ready")).toBe(503);
  await tested.stop();
});

test("before the routes were ever loaded no host is called unknown", async () => {
  const tested = await testGateway({ url: "postgres://127.0.0.1:1/nowhere" });
  const connection = rawConnection(tested.port);
  connection.write(getRequest("/"));
  const { status, body } = parseAnswer(await connection.closed());
  expect({ status, code: JSON.parse(body).code }).toEqual({ status: 503, code: "unavailable" });
  const asking = rawConnection(tested.port);
  asking.write(getRequest("/_tenantry/ready"));
  expect(parseAnswer(await asking.closed()).status).toBe(503);
  await tested.stop();
});

test("what the gateway answers itself is counted by code, all answers by class", async () => {
  const before = site.tested.gateway.stats();
  await site.exchange(get("nobody.localhost", "/"));
  await site.exchange(getRequest("/"));
  await waitUntil("both are over", () => site.tested.gateway.stats().active === 0);
  const after = site.tested.gateway.stats();
  expect(after.refusals.unknown_host).toBe((before.refusals.unknown_host ?? 0) + 1);
  expect(after.responses[2]).toBe(before.responses[2]! + 1);
  expect(after.responses[4]).toBe(before.responses[4]! + 1);
});
