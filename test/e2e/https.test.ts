import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type { DomainReply } from "@tenantry/contract";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type TestDns, testDns } from "../../packages/server/src/testing/powerdns.ts";
import { launchChromium, openPage } from "../support/chromium.ts";
import { fresh } from "../support/fresh.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { requireProgram } from "../support/programs.ts";
import { password } from "../support/site-user.ts";

let installation: Installation;
let browser: Browser;
let dns: TestDns;
let authorityFile: string;
let port: string;

beforeAll(async () => {
  dns = await testDns();
  installation = await startInstallation({ environment: { TENANTRY_DNS_SERVERS: dns.address } });
  browser = await launchChromium();
  authorityFile = path.join(installation.dataDir, "certificate-authority.pem");
  const admin = { email: "anna@example.com", password };
  await installation.api.createTenant("acme", { name: "Acme Ltd", admin });
});
beforeEach(async () => {
  await installation.revive();
  ({ port } = new URL(installation.operator.gatewayTlsUrl));
});
afterAll(async () => {
  await browser?.close();
  await installation?.[Symbol.asyncDispose]();
  await dns?.stop();
});

/** What curl gets, believing the installation's authority and no other; its words about it behind. */
async function curl(url: string, ...options: string[]): Promise<string> {
  const resolve = ["--resolve", `*:${port}:127.0.0.1`, "--cacert", authorityFile];
  const { stdout } = await promisify(execFile)(requireProgram("curl"), [
    ...["-sS", ...resolve, "-w", " HTTP/%{http_version} %{response_code}", ...options, url],
  ]);
  return stdout;
}

test("a tenant's site is there over HTTPS, by either HTTP, for whoever believes the installation's authority", async () => {
  const url = `https://acme.localhost:${port}/`;
  const modern = await curl(url, "--http2");
  expect(modern).toMatch(/Acme Ltd[\s\S]* HTTP\/2 200$/);
  expect(await curl(url, "--http1.1")).toMatch(/Acme Ltd[\s\S]* HTTP\/1\.1 200$/);
  await expect(curl(url, "--cacert", "/dev/null")).rejects.toThrow();
  await expect(curl(`https://nobody.localhost:${port}/`)).rejects.toThrow("unrecognized name");
});

test("the authority is the same after a restart, and can be asked for", async () => {
  const asked = await installation.command(["certificate", "authority"]);
  expect(asked).toMatchObject({ code: 0, stdout: expect.stringMatching(/^-----BEGIN CERTIFICATE-----\n/) });
  await installation.interrupt();
  await installation.start();
  const again = await installation.command(["certificate", "authority", "--json"]);
  expect(JSON.parse(again.stdout)).toMatchObject({ rootDomain: "localhost", certificate: asked.stdout });
});

test("without automatic certificates no host is secured once the command has answered, and the doctor says why", async () => {
  const url = `https://acme.localhost:${port}/`;
  const set = (isOn: boolean) => installation.command(["settings", "set", `automaticTls=${isOn}`]);
  expect(await set(false)).toMatchObject({ code: 0, stderr: "" });
  try {
    await expect(curl(url)).rejects.toThrow("unrecognized name");
    expect(await installation.visit("acme")).toMatchObject({ status: 200 });
    const doctor = (await installation.command(["doctor"])).stdout;
    expect(doctor).toMatch(/✔ https +No host is served over HTTPS/);
    // The ports that were chosen at the start, not those that would have been.
    const ports = [installation.operator.url, installation.operator.gatewayUrl, `https://localhost:${port}`];
    for (const one of ports)
      expect(doctor).toContain(`Port ${new URL(one).port} is in use, and Tenantry runs`);
    const status = (await installation.command(["status"])).stdout;
    expect(status).toContain("no host over HTTPS: the setting automaticTls is off");
    expect(status).not.toContain("https://");
  } finally {
    expect((await set(true)).code).toBe(0);
  }
  expect(await curl(url)).toMatch(/Acme Ltd[\s\S]* 200$/);
});

test("a tenant's own domain is served over both as soon as the command has answered, by an authority of its own, and nowhere without customDomains", async () => {
  const gatewayPort = installation.gatewayPort;
  const plain = () => curl(`http://shop.test:${gatewayPort}/`, "--resolve", `*:${gatewayPort}:127.0.0.1`);
  const added = await installation.command(["domain", "add", "acme", "shop.test", "--verified", "--wait"]);
  expect(added).toMatchObject({ code: 0, stdout: expect.stringContaining("active") });
  expect(await plain()).toMatch(/Acme Ltd[\s\S]* 200$/);
  const own = path.join(installation.dataDir, "shop.test.pem");
  const { stdout } = await installation.command(["certificate", "authority", "--domain", "shop.test"]);
  await writeFile(own, stdout);
  const url = `https://shop.test:${port}/`;
  expect(await curl(url, "--cacert", own)).toMatch(/Acme Ltd[\s\S]* 200$/);
  await expect(curl(url)).rejects.toThrow("certificate");
  await expect(curl(`https://acme.localhost:${port}/`, "--cacert", own)).rejects.toThrow("certificate");
  const set = (isOn: boolean) => installation.command(["settings", "set", `customDomains=${isOn}`]);
  expect(await set(false)).toMatchObject({ code: 0, stderr: "" });
  try {
    expect(await plain()).toMatch(/ 404$/);
    await expect(curl(url, "--cacert", own)).rejects.toThrow("unrecognized name");
    expect(await installation.visit("acme")).toMatchObject({ status: 200 });
  } finally {
    expect((await set(true)).code).toBe(0);
  }
  expect(await curl(url, "--cacert", own)).toMatch(/Acme Ltd[\s\S]* 200$/);
  expect((await installation.command(["domain", "remove", "acme", "shop.test", "--yes"])).code).toBe(0);
  await expect(curl(url, "--cacert", own)).rejects.toThrow("unrecognized name");
});

test("a domain whose record stands in DNS leads to its tenant by itself", async () => {
  const zone = `${fresh("zone")}.com`;
  dns.zone(zone);
  const add = async (hostname: string, ...options: string[]) => {
    const { code, stdout, stderr } = await installation.command([
      "domain",
      "add",
      "acme",
      hostname,
      "--json",
      ...options,
    ]);
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as DomainReply;
  };
  const { value } = (await add(`first.${zone}`)).records[0]!;
  dns.add({ name: `_tenantry-challenge.www.${zone}`, type: "TXT", content: `"${value}"` });
  expect(await add(`www.${zone}`, "--wait", "--timeout", "60")).toMatchObject({
    ...{ status: "active", verification: { method: "txt" } },
  });
  const at = installation.gatewayPort;
  const site = await curl(`http://www.${zone}:${at}/`, "--resolve", `*:${at}:127.0.0.1`);
  expect(site).toMatch(/Acme Ltd[\s\S]* 200$/);
  const waiting = await installation.command(["domain", "verify", "acme", `first.${zone}`]);
  expect(waiting).toMatchObject({ code: 1, stdout: expect.stringContaining("None of its records is found") });
});

test("a browser logs in over HTTPS, by cookies that only HTTPS carries, and over HTTP as before", async () => {
  for (const [scheme, at, secure] of [
    ["https", port, true],
    ["http", String(installation.gatewayPort), false],
  ] as const) {
    // What the browser believes is a matter of its user; that the chain holds, curl has shown.
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const { page, complaints } = await openPage(context);
    const base = `${scheme}://acme.localhost:${at}`;
    await page.goto(`${base}/admin`);
    await page.getByLabel("E-mail address").fill("anna@example.com");
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForURL("**/admin/pages");
    const protocol = await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol");
    expect(protocol).toBe(secure ? "h2" : "http/1.1");
    const session = (await context.cookies(base)).find(({ name }) => name.endsWith("tenantry_session"));
    expect(session).toMatchObject({
      name: secure ? "__Host-tenantry_session" : "tenantry_session",
      secure,
      httpOnly: true,
      domain: "acme.localhost",
    });
    expect(complaints).toEqual([]);
    await context.close();
  }
});
