import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadConfig } from "../infra/config/index.ts";
import { ensureDatabase, sql } from "../infra/db/index.ts";
import { createLog, type Log, silentLog } from "../infra/log/index.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../infra/postgres-process/index.ts";
import { loadMasterKey } from "../infra/secrets/index.ts";
import { type TestUpstream, testUpstream } from "../testing/gateway.ts";
import { getRequest, parseAnswer, rawConnection } from "../testing/raw-http.ts";
import { type TestRoutes, testRoutes } from "../testing/routes.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { embeddedDatabase } from "./registry.ts";
import { type Running, startInstallation } from "./start.ts";

let directory: string;
let postgres: EmbeddedPostgres;
let databaseUrl: string;
let registry: TestRoutes;
let application: TestUpstream;
let token = "";

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-test-gateway-node-"));
  postgres = await startPostgres();
  await ensureDatabase(postgres.url, "tenantry");
  databaseUrl = embeddedDatabase(postgres.url);
  registry = await testRoutes({ createDatabase: async () => databaseUrl });
  application = await testUpstream((request, response) => {
    token = String(request.headers["tenantry-token"]);
    response.end("hello");
  });
  await registry.routes(["acme.localhost"], { upstreamId: await registry.upstream([application.url]) });
});
afterAll(async () => {
  await application?.close();
  await registry?.close();
  await postgres?.stop();
  await rm(directory, { recursive: true, force: true });
});

const startPostgres = (port?: number) =>
  startEmbeddedPostgres({ dataDir: path.join(directory, "postgres"), log: silentLog, port });

async function startGateway(name = "node", log: Log = silentLog): Promise<Running> {
  const dataDir = path.join(directory, name);
  await loadMasterKey({ dataDir, create: true });
  const config = await loadConfig({
    flags: { dataDir, databaseUrl, gatewayPort: "0", rootDomain: "localhost" },
    environment: {},
  });
  return startInstallation({ config, log, roles: new Set(["gateway"]), owner: false });
}

async function statusOf(running: Running, host = "acme.localhost", pathname = "/"): Promise<number> {
  const connection = rawConnection(Number(new URL(running.gatewayUrl!).port));
  connection.write(getRequest(pathname).replace("acme.localhost", host));
  return parseAnswer(await connection.closed()).status;
}

/** Who signed the last token that the application got, and with which key. */
function signedBy(): unknown[] {
  const [head, body] = token
    .split(".")
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()));
  return [head.kid, body.iss, body.slug];
}

it("a gateway starts and serves from what it knew while its registry is away, and catches up when that returns", async () => {
  const first = await startGateway();
  await waitUntil("it serves", async () => (await statusOf(first)) === 200);
  const signed = signedBy();
  await first.stop();

  const { port } = postgres;
  await postgres.stop();
  const away = await startGateway();
  expect(away.tookMs).toBeLessThan(5_000);
  expect(await statusOf(away)).toBe(200);
  expect(signedBy()).toEqual(signed);
  expect(await statusOf(away, "nobody.localhost")).toBe(404);
  expect(await statusOf(away, "acme.localhost", "/_tenantry/ready")).toBe(200);
  await expect(startGateway("other")).rejects.toThrow("ECONNREFUSED");

  postgres = await startPostgres(port);
  await waitUntil("the registry answers", () =>
    sql`select`.execute(registry.db).then(
      () => true,
      () => false,
    ),
  );
  await registry.routes(["acme.localhost"], { status: "suspended" });
  await waitUntil("the gateway knows of it", async () => (await statusOf(away)) === 503);
  await waitUntil("the others know of the gateway", async () => {
    const { rows } = await sql`select from nodes where role = 'gateway'`.execute(registry.db);
    return rows.length === 1;
  });
  await away.stop();
});

it("a gateway follows the registry as a role that can read routes and nothing else", async () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line), close: async () => undefined };
  const running = await startGateway("node", createLog({ destination }));
  const { rows } = await sql<{ name: string; tenants: boolean }>`
    select rolname as name, has_table_privilege(oid, 'tenantry.tenants', 'select') as tenants
    from pg_roles where rolname like 'tenantry_gateway_%' and not rolcanlogin
  `.execute(registry.db);
  expect(rows).toEqual([{ name: expect.any(String), tenants: false }]);
  const change = (what: string) => sql`${sql.raw(what)} ${sql.id(rows[0]!.name)}`.execute(registry.db);
  await change("revoke select on stream_versions from");
  await waitUntil("the gateway may not read it any more", () =>
    lines.some((line) => line.includes("registry_unreachable") && line.includes("permission denied")),
  );
  await change("grant select on stream_versions to");
  await running.stop();
});
