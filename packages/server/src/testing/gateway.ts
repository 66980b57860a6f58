import { generateKeyPairSync } from "node:crypto";
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
  type Db,
  inTransaction,
  migrate,
  publish,
  registryMigrations,
  sql,
  streamVersion,
} from "../infra/db/index.ts";
import { silentLog } from "../infra/log/index.ts";
import { createSigner, type Signer } from "../infra/signing/index.ts";
import { newId } from "../kernel/index.ts";
import { type TestPostgres, testPostgres } from "./postgres.ts";
import { waitUntil } from "./wait-until.ts";

export type RouteRow = {
  status?: string;
  statusReason?: string | null;
  tenantName?: string;
  upstreamId?: string | null;
  progress?: number | null;
  redirectTo?: string | null;
  expiresAt?: Date | null;
};

/** A registry with the routes of a gateway in it, written as the features write them. */
export type TestRegistry = {
  postgres: TestPostgres;
  url: string;
  db: Db;
  /** Makes an upstream, or gives it other URLs; returns its id. */
  upstream(urls: string[], id?: string): Promise<string>;
  removeUpstream(id: string): Promise<void>;
  /** Makes the routes of one more environment, or changes what stands there. */
  routes(hostnames: string[], row?: RouteRow): Promise<{ tenantId: string; environmentId: string }>;
  removeRoutes(hostnames: string[]): Promise<void>;
  /** The newest version of the stream `routes`. */
  version(): Promise<number>;
  stop(): Promise<void>;
};

export async function testRegistry(): Promise<TestRegistry> {
  const postgres = await testPostgres();
  const url = await postgres.createDatabase();
  await migrate(url, await registryMigrations());
  const db = createDb({ url, applicationName: "test", maxConnections: 4 });
  const appId = newId();
  const releaseId = newId();
  await sql`insert into apps (id, slug, run_as_uid) values (${appId}, 'sites', 70000)`.execute(db);
  await sql`
    insert into releases (id, app_id, number, upstream_url, schema_version) values (${releaseId}, ${appId}, 1, 'x', 0)
  `.execute(db);

  return {
    postgres,
    url,
    db,
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
              app_id, upstream_id, status, status_reason, progress, redirect_to, expires_at, version)
            select hostname, 'system', ${environmentId}, 'production', ${tenantId}, 'acme', ${row.tenantName ?? "Acme Ltd"},
              ${appId}, ${row.upstreamId ?? null}, ${row.status ?? "active"}, ${row.statusReason ?? null},
              ${row.progress ?? null}, ${row.redirectTo ?? null}, ${row.expiresAt ?? null}, ${version}
            from unnest(${hostnames}::text[]) as hostname
            on conflict (hostname) do update set status = excluded.status, progress = excluded.progress,
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
    async stop() {
      await db.destroy();
      await postgres.stop();
    },
  };
}

export type TestGateway = {
  gateway: Gateway;
  port: number;
  /** The directory of its snapshot. */
  directory: string;
  publicKey: ReturnType<typeof generateKeyPairSync>["publicKey"];
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
  const { port } = await gateway.start();
  return {
    gateway,
    port,
    directory,
    publicKey,
    async caughtUp() {
      const version = await registry.version?.();
      await waitUntil("the gateway has the newest version", () => gateway.version() === version);
    },
    async stop() {
      await gateway.close({ drainMs: 0 });
      await notifications.close();
      await db.destroy();
      await rm(directory, { recursive: true, force: true });
    },
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
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
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
