import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createGateway, type Gateway, type GatewayOptions } from "../gateway/index.ts";
import { createDb, createNotifications } from "../infra/db/index.ts";
import { silentLog } from "../infra/log/index.ts";
import { createSigner, type Signer } from "../infra/signing/index.ts";
import { type RawConnection, rawConnection } from "./raw-http.ts";
import { type TestRoutes, testRoutes } from "./routes.ts";
import { waitUntil } from "./wait-until.ts";

export type TestGateway = {
  gateway: Gateway;
  port: number;
  tlsPort: number | undefined;
  /** The directory of its snapshot. */
  directory: string;
  publicKey: KeyObject;
  /** Waits until the gateway answers from the registry's newest version. */
  caughtUp(): Promise<void>;
  stop(): Promise<void>;
};

/** A gateway over a registry, on a free port of the loopback addresses. */
export async function testGateway(
  registry: { url: string; version?: () => Promise<number> },
  options: Partial<GatewayOptions> = {},
): Promise<TestGateway> {
  const directory = await mkdtemp(path.join(tmpdir(), "tenantry-test-gateway-"));
  const db = createDb({ url: registry.url, applicationName: "test gateway", maxConnections: 4 });
  const notifications = createNotifications({
    url: registry.url,
    applicationName: "test gateway",
    log: silentLog,
  });
  const { signer, publicKey } = testSigner();
  const gateway = createGateway({
    db,
    notifications,
    log: silentLog,
    snapshotFile: path.join(directory, "routes.ndjson"),
    signer,
    listen: { port: 0 },
    ...options,
  });
  async function stop(): Promise<void> {
    await gateway.close({ drainMs: 0 });
    await notifications.close();
    await db.destroy();
    await rm(directory, { recursive: true, force: true });
  }
  const { port, tlsPort } = await gateway.start().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    gateway,
    port,
    tlsPort,
    directory,
    publicKey,
    async caughtUp() {
      const version = await registry.version?.();
      await waitUntil("the gateway has the newest version", () => gateway.version() === version);
    },
    stop,
  };
}

export function testSigner(): { signer: Signer; publicKey: TestGateway["publicKey"] } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const der = privateKey.export({ format: "der", type: "pkcs8" });
  return { signer: createSigner({ kid: "test", privateKey: der, issuer: "tenantry-test" }), publicKey };
}

export type TestUpstream = { server: Server; url: string; port: number; close(): Promise<void> };

/** An application behind the gateway. */
export async function testUpstream(listener: RequestListener): Promise<TestUpstream> {
  const server = createServer(listener);
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A gateway with one application behind it, which answers on acme.localhost. */
export type TestSite = {
  registry: TestRoutes;
  tested: TestGateway;
  application: TestUpstream;
  upstreamId: string;
  /** How the application answers the next requests. */
  answer: RequestListener;
  /** A connection to the gateway. */
  connect(): RawConnection;
  /** Sends one request as it stands; all that was answered until the connection closed. */
  exchange(text: string): Promise<string>;
  stop(): Promise<void>;
};

export async function testSite(options: Partial<GatewayOptions> = {}): Promise<TestSite> {
  const registry = await testRoutes();
  const application = await testUpstream((request, response) => site.answer(request, response));
  const tested = await testGateway(registry, options);
  const upstreamId = await registry.upstream([application.url]);
  await registry.routes(["acme.localhost"], { upstreamId });
  await tested.caughtUp();
  const site: TestSite = {
    registry,
    tested,
    application,
    upstreamId,
    answer: (_request, response) => response.end("hello"),
    connect: () => rawConnection(tested.port),
    exchange(text) {
      const connection = rawConnection(tested.port);
      connection.write(text);
      return connection.closed();
    },
    async stop() {
      await tested.stop();
      await application.close();
      await registry.close();
    },
  };
  return site;
}
