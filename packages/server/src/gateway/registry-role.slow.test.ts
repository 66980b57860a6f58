import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDb, type Db, migrate, registryMigrations, sql } from "../infra/db/index.ts";
import { newId } from "../kernel/index.ts";
import { embeddedLikeServer, givenServer, type TestServer } from "../testing/database-servers.ts";
import { selectChangedUpstreams, selectRoutes, selectTombstones, selectVersions } from "./gateway.sql.ts";
import { prepareRegistryRole } from "./index.ts";

const forbidden = [
  "tenants",
  "environments",
  "users",
  "sessions",
  "api_keys",
  "databases",
  "settings",
  "events",
];

describe.each([
  ["PostgreSQL 18 as its superuser", embeddedLikeServer],
  ["PostgreSQL 18 by a role that may make roles", () => givenServer(18)],
  ["PostgreSQL 15 by a role that may make roles", () => givenServer(15)],
])("a gateway's own connection to %s", (_name, start) => {
  let server: TestServer;
  let db: Db;
  let asGateway: Db;
  const installationId = newId();
  const url = () => server.url.replace(/\/postgres$/, "/registry");
  beforeAll(async () => {
    server = await start();
    const administration = createDb({ url: server.url, applicationName: "test" });
    await sql`create database registry`.execute(administration);
    await administration.destroy();
    await migrate(url(), await registryMigrations());
    db = createDb({ url: url(), applicationName: "test" });
    const prepared = await Promise.all(
      Array.from({ length: 4 }, () => prepareRegistryRole(db, url(), installationId)),
    );
    expect(new Set(prepared.map(({ role }) => role)).size).toBe(1);
    expect(prepared[0]).toEqual({ role: expect.stringMatching(/^tenantry_gateway_/) });
    asGateway = createDb({ url: url(), role: prepared[0]!.role, applicationName: "test gateway" });
  });
  afterAll(async () => {
    await asGateway?.destroy();
    await db?.destroy();
    await server?.stop();
  });

  it("reads what gateways read", async () => {
    await expect(selectVersions(asGateway)).resolves.toEqual({ version: 0, forgottenVersion: 0 });
    await expect(selectRoutes(asGateway, "", 10)).resolves.toEqual([]);
    await expect(selectChangedUpstreams(asGateway, -1)).resolves.toEqual([]);
    await expect(selectTombstones(asGateway, 0)).resolves.toEqual([]);
    await sql`select kid from signing_keys`.execute(asGateway);
  });

  it.each(forbidden)("can't read %s", async (table) => {
    await expect(sql`select from ${sql.table(table)}`.execute(asGateway)).rejects.toMatchObject({
      code: "42501",
    });
  });

  it("can say aloud where it stands", async () => {
    await expect(sql`select pg_notify('tenantry_gateway', 'x:1')`.execute(asGateway)).resolves.toBeTruthy();
  });

  it("can't write what it reads, make anything, or read a tenant's name by other means", async () => {
    const statements = [
      sql`update routes set status = 'active'`,
      sql`delete from stream_tombstones`,
      sql`create table mine (id int)`,
      sql`create table tenantry.mine (id int)`,
      sql`copy tenants to stdout`,
      sql`select pg_read_file('/etc/passwd')`,
    ];
    for (const statement of statements) {
      await expect(statement.execute(asGateway)).rejects.toMatchObject({ code: "42501" });
    }
  });
});

it("a login that may not make roles is told so, and nothing is left half made", async () => {
  const server = await embeddedLikeServer();
  const administration = createDb({ url: server.url, applicationName: "test" });
  await sql`create role weak login password 'weak'`.execute(administration);
  await sql`create database registry owner weak`.execute(administration);
  const url = server.url.replace(/\/\/[^@]*@/, "//weak:weak@").replace(/\/postgres$/, "/registry");
  await migrate(url, await registryMigrations());
  const db = createDb({ url, applicationName: "test" });
  const prepared = await prepareRegistryRole(db, url, newId());
  expect(prepared).toMatchObject({ role: undefined, reason: expect.stringContaining("permission denied") });
  const { rows } = await sql`select from pg_roles where rolname like 'tenantry_gateway_%'`.execute(
    administration,
  );
  expect(rows).toEqual([]);
  await db.destroy();
  await administration.destroy();
  await server.stop();
});
