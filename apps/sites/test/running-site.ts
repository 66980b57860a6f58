import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import http, { type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { createTenantry, type Tenantry } from "@tenantry/sdk";
import { type TestInstallation, testInstallation } from "@tenantry/sdk/testing";
import pg from "pg";
import { type TestPostgres, testPostgres } from "../../../packages/server/src/testing/postgres.ts";
import { createLog } from "../src/log.ts";
import { type SitesServer, startServer } from "../src/server.ts";

const silent = createLog({ write: () => true });
const migrations = new URL("../migrations/", import.meta.url);

export type Environment = ReturnType<TestInstallation["addTenant"]>;
export type Answer = { status: number; headers: IncomingHttpHeaders; body: Buffer; text: string };
export type Ask = {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Whose connections are used; those that all tests share when left out. */
  agent?: http.Agent;
};

/** Sites as it runs in production, before a small installation, a real PostgreSQL and real files. */
export type RunningSite = {
  readonly installation: TestInstallation;
  readonly tenantry: Tenantry;
  readonly server: SitesServer;
  readonly tenants: readonly Environment[];
  /** A tenant with a database, files and a cache of its own. */
  addTenant(slug: string, change?: Partial<Environment>): Promise<Environment>;
  /** A request as the gateway passes it on. */
  ask(tenant: Environment, target: string, request?: Ask): Promise<Answer>;
  stop(): Promise<void>;
};

export async function runningSite(): Promise<RunningSite> {
  const postgres = await testPostgres();
  const files = await mkdtemp(path.join(tmpdir(), "tenantry-sites-test-"));
  const installation = await testInstallation();
  const tenantry = createTenantry({ url: installation.url, appKey: installation.appKey, log: silent });
  const server = await startServer({ tenantry, port: 0, log: silent });
  const token = (environment: Environment): Promise<string> => installation.token(environment);

  const tenants: Environment[] = [];
  return {
    installation,
    tenantry,
    server,
    tenants,
    async addTenant(slug, change = {}) {
      const directory = await mkdtemp(path.join(files, `${slug}-`));
      const environment = installation.addTenant(slug, {
        database: { level: "database", serverId: "srv_1", url: await migrated(postgres), generation: 1 },
        storage: { driver: "fs", directory, generation: 1 },
        cache: { driver: "memory", prefix: slug, generation: 1 },
        ...change,
      });
      tenants.push(environment);
      return environment;
    },
    async ask(tenant, target, request = {}) {
      const headers = {
        host: tenant.hostnames[0]!,
        "tenantry-token": await token(tenant),
        ...request.headers,
      };
      return send(server.port, target, { ...request, headers });
    },
    async stop() {
      await server.stop();
      installation.stop();
      await postgres.stop();
      await rm(files, { recursive: true, force: true });
    },
  };
}

async function migrated(postgres: TestPostgres): Promise<string> {
  const url = await postgres.createDatabase();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const name of (await readdir(migrations)).sort()) {
    await client.query(await readFile(new URL(name, migrations), "utf8"));
  }
  await client.end();
  return url;
}

/** One request to a port of this machine. */
export function send(
  port: number,
  target: string,
  { method = "GET", headers, body, agent }: Ask,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = http.request(
    { port, host: "127.0.0.1", path: target, method, headers, agent },
    (response) => {
      buffer(response).then((bytes) => {
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, body: bytes, text: bytes.toString() });
      }, reject);
    },
  );
  request.on("error", reject);
  writeBody(request, body).catch((error: Error) => request.destroy(error));
  return promise;
}

async function writeBody(request: http.ClientRequest, body: Ask["body"]): Promise<void> {
  if (body !== undefined && typeof body !== "string" && !(body instanceof Uint8Array)) {
    for await (const chunk of body) request.write(chunk);
    request.end();
  } else request.end(body);
}
