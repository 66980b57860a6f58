import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestSite, testSite } from "../../packages/server/src/testing/gateway.ts";
import { testTls } from "../../packages/server/src/testing/gateway-tls.ts";
import { launchChromium } from "../support/chromium.ts";
import { requireProgram } from "../support/programs.ts";

let site: TestSite;
let home: string;
let address: string;

beforeAll(async () => {
  const tls = testTls();
  site = await testSite({ tls: tls.options });
  address = `acme.localhost:${site.tested.tlsPort}`;
  site.answer = (_request, response) => response.writeHead(200, { "content-type": "text/html" }).end("hello");
  site.application.server.on("upgrade", (request, socket) => {
    socket.on("error", () => undefined);
    const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const proof = createHash("sha1").update(key).digest("base64");
    const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
    socket.write(`${[...head, `Sec-WebSocket-Accept: ${proof}`].join("\r\n")}\r\n\r\n`);
    // A text of five bytes.
    socket.write(Buffer.from("\x81\x05hello", "latin1"));
  });
  home = await mkdtemp(path.join(tmpdir(), "tenantry-chromium-"));
  await importAuthority(tls.ca);
});
afterAll(async () => {
  await site?.stop();
  await rm(home, { recursive: true, force: true });
});

/** As the guide says it. */
async function importAuthority(certificate: string): Promise<void> {
  const [database, file] = [path.join(home, ".pki/nssdb"), path.join(home, "authority.pem")];
  await mkdir(database, { recursive: true });
  await writeFile(file, certificate);
  const certutil = (...args: string[]) =>
    promisify(execFile)(requireProgram("certutil"), ["-d", `sql:${database}`, ...args]);
  await certutil("-N", "--empty-password");
  await certutil("-A", "-t", "C,,", "-n", "tenantry", "-i", file);
}

async function inChromium<Result>(
  options: { home?: string },
  look: (page: Page) => Promise<Result>,
): Promise<Result> {
  const browser: Browser = await launchChromium(options);
  try {
    return await look(await browser.newPage());
  } finally {
    await browser.close();
  }
}

test("Chromium believes a host over HTTP/2, and opens a WebSocket on the same connection, once its user imported the authority", async () => {
  await inChromium({ home }, async (page) => {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Network.enable");
    const handshakes: number[] = [];
    devtools.on("Network.webSocketHandshakeResponseReceived", ({ response }) =>
      handshakes.push(response.status),
    );
    const answer = await page.goto(`https://${address}/`);
    expect(answer!.status()).toBe(200);
    expect(await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")).toBe("h2");
    const said = await page.evaluate(`new Promise((resolve, reject) => {
      const socket = new WebSocket("wss://${address}/chat");
      socket.onmessage = ({ data }) => resolve(data);
      socket.onerror = () => reject(new Error("The WebSocket failed."));
    })`);
    expect(said).toBe("hello");
    // 101 is what a handshake by HTTP/1.1 has.
    expect(handshakes).toEqual([200]);
  });
});

test("Chromium doesn't believe it otherwise", async () => {
  const stranger = path.join(home, "stranger");
  await mkdir(stranger, { recursive: true });
  const visit = inChromium({ home: stranger }, (page) => page.goto(`https://${address}/`));
  await expect(visit).rejects.toThrow("ERR_CERT_AUTHORITY_INVALID");
});
