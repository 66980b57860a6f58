import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createGateway, type Gateway, type GatewayOptions } from "../gateway/index.ts";
import {
  bury,
  createDb,
  createNotifications,
  inTransaction,
  publish,
  sql,
  streamVersion,
} from "../infra/db/index.ts";
import { silentLog } from "../infra/log/index.ts";
import { createSigner, type Signer } from "../infra/signing/index.ts";
import { newId } from "../kernel/index.ts";
import type { TestPostgres } from "./postgres.ts";
import { type TestRegistry, testRegistry } from "./registry.ts";
import { waitUntil } from "./wait-until.ts";

export type RouteRow = {
  status?: string;
  statusReason?: string | null;
  message?: string | null;
  retryAfterSeconds?: number | null;
  tenantName?: string;
  upstreamId?: string | null;
  progress?: number | null;
  redirectTo?: string | null;
  expiresAt?: Date | null;
};

/** A registry with the routes of a gateway in it, written as the features write them. */
export type TestRoutes = TestRegistry & {
  /** Makes an upstream, or gives it other URLs; returns its id. */
  upstream(urls: string[], id?: string): Promise<string>;
  removeUpstream(id: string): Promise<void>;
  /** Makes the routes of one more environment, or changes what stands there. */
  routes(hostnames: string[], row?: RouteRow): Promise<{ tenantId: string; environmentId: string }>;
  removeRoutes(hostnames: string[]): Promise<void>;
  /** The newest version of the stream `routes`. */
  version(): Promise<number>;
};

export async function testRoutes(postgres?: Pick<TestPostgres, "createDatabase">): Promise<TestRoutes> {
  const registry = await testRegistry(postgres);
  const { db } = registry;
  const appId = newId();
  const releaseId = newId();
  await sql`insert into apps (id, slug, run_as_uid) values (${appId}, 'sites', 70000)`.execute(db);
  await sql`
    insert into releases (id, app_id, number, upstream_url, schema_version) values (${releaseId}, ${appId}, 1, 'x', 0)
  `.execute(db);

  return {
    ...registry,
    async upstream(urls, id = newId()) {
      await inTransaction(db, (tx) =>
        publish(tx, "routes", (version) =>
          sql`
            insert into upstreams (id, app_id, release_id, urls, version)
            values (${id}, ${appId}, ${releaseId}, ${urls}, ${version})
            on conflict (id) do update set urls = excluded.urls, version = excluded.version
          `.execute(tx),
        ),
      );
      return id;
    },
    async removeUpstream(id) {
      await inTransaction(db, (tx) =>
        publish(tx, "routes", async (version) => {
          await sql`delete from upstreams where id = ${id}`.execute(tx);
          await bury(tx, "routes", version, [`upstream:${id}`]);
        }),
      );
    },
    async routes(hostnames, row = {}) {
      const tenantId = newId();
      const environmentId = newId();
      await inTransaction(db, (tx) =>
        publish(tx, "routes", (version) =>
          sql`
            insert into routes (hostname, kind, environment_id, environment_name, tenant_id, tenant_slug, tenant_name,
              app_id, upstream_id, status, status_reason, message, retry_after_seconds, progress, redirect_to, expires_at, version)
            select hostname, 'system', ${environmentId}, 'production', ${tenantId}, 'acme', ${row.tenantName ?? "Acme Ltd"},
              ${appId}, ${row.upstreamId ?? null}, ${row.status ?? "active"}, ${row.statusReason ?? null},
              ${row.message ?? null}, ${row.retryAfterSeconds ?? null}, ${row.progress ?? null}, ${row.redirectTo ?? null}, ${row.expiresAt ?? null}, ${version}
            from unnest(${hostnames}::text[]) as hostname
            on conflict (hostname) do update set status = excluded.status, status_reason = excluded.status_reason,
              message = excluded.message, retry_after_seconds = excluded.retry_after_seconds, progress = excluded.progress,
              upstream_id = excluded.upstream_id, tenant_name = excluded.tenant_name,
              redirect_to = excluded.redirect_to, expires_at = excluded.expires_at, version = excluded.version
          `.execute(tx),
        ),
      );
      return { tenantId, environmentId };
    },
    async removeRoutes(hostnames) {
      await inTransaction(db, (tx) =>
        publish(tx, "routes", async (version) => {
          await sql`delete from routes where hostname = any (${hostnames}::text[])`.execute(tx);
          await bury(tx, "routes", version, hostnames);
        }),
      );
    },
    version: () => streamVersion(db, "routes"),
  };
}

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

/** A GET for acme.localhost, after whose answer the connection closes. */
export function getRequest(path = "/", ...headers: string[]): string {
  const lines = [`GET ${path} HTTP/1.1`, "Host: acme.localhost", "Connection: close", ...headers];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The head and the body of an answer as it came over the wire; a chunked body is put together. */
export function parseAnswer(text: string): { status: number; head: string; body: string } {
  const end = text.indexOf("\r\n\r\n");
  const head = text.slice(0, end);
  const rest = text.slice(end + 4);
  const body = /\r\ntransfer-encoding: chunked/i.test(head) ? unchunk(rest) : rest;
  return { status: Number(head.slice(9, 12)), head, body };
}

function unchunk(text: string): string {
  let plain = "";
  for (let at = 0; ; ) {
    const end = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, end), 16);
    if (Number.isNaN(size)) throw new Error(`No size of a chunk at ${at}.`);
    if (size === 0) return plain;
    plain += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}

export type RawConnection = {
  socket: Socket;
  write(text: string | Buffer): void;
  /** What has arrived so far, byte for byte. */
  received(): string;
  /** Waits until what arrived holds `text`. */
  until(text: string): Promise<string>;
  /** Waits until the other side has closed; everything that arrived. */
  closed(): Promise<string>;
};

/** A connection that says exactly what it is told to. */
export function rawConnection(port: number, host = "127.0.0.1"): RawConnection {
  const socket = connect({ port, host });
  let received = "";
  let over = false;
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
  });
  socket.on("error", () => {
    over = true;
  });
  socket.on("close", () => {
    over = true;
  });
  return {
    socket,
    write: (text) => void socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text),
    received: () => received,
    async until(text) {
      await waitUntil(`"${text}" arrives`, () => received.includes(text) || over);
      if (!received.includes(text)) throw new Error(`The connection closed before "${text}": ${received}`);
      return received;
    },
    async closed() {
      await waitUntil("the connection is closed", () => over);
      return received;
    },
  };
}
