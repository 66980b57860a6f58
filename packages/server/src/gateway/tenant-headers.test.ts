import type { IncomingMessage } from "node:http";
import { jwtVerify } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { showId } from "../kernel/index.ts";
import { type TestSite, testSite } from "../testing/gateway.ts";
import { getRequest } from "../testing/raw-http.ts";

let site: TestSite;
let ids: { tenantId: string; environmentId: string };
let seen: IncomingMessage;

beforeAll(async () => {
  site = await testSite();
  ids = await site.registry.routes(["signed.localhost"], { upstreamId: site.upstreamId });
  await site.tested.caughtUp();
  site.answer = (request, response) => {
    seen = request;
    request.resume();
    response.end("hello");
  };
});
afterAll(() => site?.stop());

const send = (...headers: string[]) =>
  site.exchange(getRequest("/", ...headers).replace("acme.localhost", "signed.localhost"));

test("the application learns who the request is for, by a token that it can verify", async () => {
  const text = await send();
  expect(seen.headers["tenantry-tenant"]).toBe(showId("tnt", ids.tenantId));
  expect(seen.headers["tenantry-environment"]).toBe("production");
  const requestId = seen.headers["tenantry-request-id"];
  expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(text).toContain(`tenantry-request-id: ${requestId}\r\n`);
  const { payload, protectedHeader } = await jwtVerify(
    String(seen.headers["tenantry-token"]),
    site.tested.publicKey,
    {
      issuer: "tenantry-test",
    },
  );
  expect(protectedHeader).toEqual({ alg: "EdDSA", typ: "JWT", kid: "test" });
  expect(payload).toMatchObject({
    sub: showId("tnt", ids.tenantId),
    env: showId("env", ids.environmentId),
    aud: expect.stringMatching(/^app_/),
    slug: "acme",
  });
  expect(payload.exp! - payload.iat!).toBe(120);
});

test("one token serves an environment's requests; another environment has another", async () => {
  await send();
  const first = seen.headers["tenantry-token"];
  await send();
  expect(seen.headers["tenantry-token"]).toBe(first);
  await site.exchange(getRequest("/"));
  expect(seen.headers["tenantry-token"]).not.toBe(first);
});

test("a request id from outside is replaced", async () => {
  await send("Tenantry-Request-Id: chosen");
  expect(seen.headers["tenantry-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
});

test.each([
  "Tenantry-Tenant",
  "TENANTRY-TENANT",
  "tenantry_tenant",
  "Tenantry_Token",
  "Tenantry.Token",
  "Tenantry-Anything",
  "tenantry",
])("a forged %s never arrives", async (name) => {
  await send(`${name}: forged`, `${name}: forged too`);
  expect(seen.rawHeaders.join("\n")).not.toContain("forged");
  expect(seen.headersDistinct["tenantry-tenant"]).toEqual([showId("tnt", ids.tenantId)]);
});

test("nobody tells a CGI program by which proxy to send its own requests", async () => {
  await send("Proxy: http://forged.example", "PROXY: http://forged.example");
  expect(seen.rawHeaders.join("\n")).not.toContain("forged");
});

test("Connection can't be used to take the gateway's own headers away", async () => {
  await send("Connection: close, Tenantry-Token, Tenantry-Tenant, X-Forwarded-For, Host");
  expect(seen.headers["tenantry-token"]).toBeDefined();
  expect(seen.headers["x-forwarded-for"]).toBe("127.0.0.1");
  expect(seen.headers.host).toBe("signed.localhost");
});

test("headers for this hop alone stay here, with those that Connection names", async () => {
  await send(
    "Connection: X-Hop, keep-alive",
    "X-Hop: 1",
    "Keep-Alive: timeout=5",
    "Proxy-Authorization: Basic eA==",
    "Proxy-Connection: keep-alive",
    "X-End: 1",
    "Cookie: a=b",
    "Authorization: Bearer x",
  );
  expect(seen.headers).toMatchObject({ "x-end": "1", cookie: "a=b", authorization: "Bearer x" });
  for (const name of ["x-hop", "keep-alive", "proxy-authorization", "proxy-connection", "te", "upgrade"]) {
    expect(seen.headers[name]).toBeUndefined();
  }
});

test("where a request came from is what the gateway saw, whatever a client claims", async () => {
  await send(
    "X-Forwarded-For: 10.0.0.1",
    "X_Forwarded_For: 10.0.0.2",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Port: 1",
    "X-Real-IP: 10.0.0.3",
    "Forwarded: for=10.0.0.4",
  );
  expect(seen.headers).toMatchObject({
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-proto": "http",
    "x-forwarded-host": "signed.localhost",
    forwarded: 'for=127.0.0.1;host="signed.localhost";proto=http',
  });
  expect(seen.rawHeaders.join("\n")).not.toMatch(/10\.0\.0|evil/);
  expect(seen.headers["x-forwarded-port"]).toBeUndefined();
});

test("a trusted proxy is believed about the client and the scheme", async () => {
  const trusting = await testSite({ trustedProxies: ["127.0.0.0/8", "::1"] });
  trusting.answer = (request, response) => {
    seen = request;
    response.end();
  };
  await trusting.exchange(
    getRequest("/", "X-Forwarded-For: 192.0.2.7, 2001:db8::1", "X-Forwarded-Proto: https"),
  );
  expect(seen.headers).toMatchObject({
    "x-forwarded-for": "192.0.2.7, 2001:db8::1, 127.0.0.1",
    "x-forwarded-proto": "https",
    forwarded: 'for=192.0.2.7, for="[2001:db8::1]", for=127.0.0.1;host="acme.localhost";proto=https',
  });
  await trusting.stop();
});

test("an upstream that leads back to the gateway is told, not gone round for ever", async () => {
  const upstreamId = await site.registry.upstream([`http://127.0.0.1:${site.tested.port}`]);
  await site.registry.routes(["loop.localhost"], { upstreamId });
  await site.tested.caughtUp();
  const text = await site.exchange(getRequest("/").replace("acme.localhost", "loop.localhost"));
  expect(text).toMatch(/^HTTP\/1\.1 508 /);
  expect(text).toContain('"code":"loop_detected"');
});

test("a gateway may stand behind another one", async () => {
  await send("CDN-Loop: someone-else, tenantry-gateway");
  expect(seen.headers["cdn-loop"]).toBe("someone-else, tenantry-gateway, tenantry-gateway");
});
