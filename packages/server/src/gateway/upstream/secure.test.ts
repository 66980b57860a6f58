import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { testCertificate } from "../../testing/certificate.ts";
import { type TestSite, testSite } from "../../testing/gateway.ts";
import { getRequest, parseAnswer } from "../../testing/raw-http.ts";

let site: TestSite;
const trusted = getCACertificates("default");

beforeAll(async () => {
  site = await testSite();
});
afterAll(() => site?.stop());
afterEach(() => setDefaultCACertificates(trusted));

/** One of the test's own: a connection that is open already asks for no certificate. */
async function startUpstream() {
  const servernames: unknown[] = [];
  const server = createServer(
    { key: testCertificate.key, cert: testCertificate.certificate },
    async (request, response) => {
      servernames.push((request.socket as { servername?: unknown }).servername);
      response.end(Buffer.concat(await request.toArray()));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    servernames,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function statusThrough(
  hostname: string,
  url: string,
  body = "",
): Promise<{ status: number; body: string }> {
  await site.registry.routes([hostname], { upstreamId: await site.registry.upstream([url]) });
  await site.tested.caughtUp();
  const head = getRequest("/", `Content-Length: ${body.length}`).replace("acme.localhost", hostname);
  return parseAnswer(await site.exchange(head.replace("GET", "POST") + body));
}

test("an upstream whose certificate nobody vouches for is not spoken to", async () => {
  await using upstream = await startUpstream();
  const { port, servernames } = upstream;
  expect((await statusThrough("unknown.localhost", `https://localhost:${port}`)).status).toBe(502);
  expect(servernames).toEqual([]);
});

test("a trusted one is spoken to by the name in its URL, under which its certificate must be", async () => {
  await using upstream = await startUpstream();
  const { port, servernames } = upstream;
  setDefaultCACertificates([...trusted, testCertificate.certificate]);
  const large = "x".repeat(300_000);
  const answer = await statusThrough("trusted.localhost", `https://localhost:${port}`, large);
  expect(answer.status).toBe(200);
  expect(answer.body === large).toBe(true);
  expect(servernames).toEqual(["localhost"]);
  expect((await statusThrough("misnamed.localhost", `https://127.0.0.1:${port}`)).status).toBe(502);
});
