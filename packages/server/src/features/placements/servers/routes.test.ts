import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { notes, runAt } from "../../../drivers/database/driver.testsuite.ts";
import { inTransaction, sql } from "../../../infra/db/index.ts";
import type { Api } from "../../../infra/http/index.ts";
import { silentLog } from "../../../infra/log/index.ts";
import { encodeUuid, failure, newId } from "../../../kernel/index.ts";
import { asOperator, createTestApi } from "../../../testing/api.ts";
import { testCertificate } from "../../../testing/certificate.ts";
import {
  insertApp,
  insertEnvironment,
  type TestPlacements,
  testPlacements,
} from "../../../testing/placements.ts";
import { type TestPostgres, testPostgres } from "../../../testing/postgres.ts";
import { type Severable, severableTo } from "../../../testing/severable.ts";
import { waitUntil } from "../../../testing/wait-until.ts";
import { serverRoutes } from "../index.ts";
import { insertServer } from "./servers.sql.ts";

let house: TestPlacements;
let api: Api;
/** Another server, which speaks TLS with a certificate of its own for `localhost`, and a way to it that can be cut. */
let second: TestPostgres;
let way: Severable;
let directory: string;
const caFile = () => path.join(directory, "ca.pem");

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-servers-"));
  const keyFile = path.join(directory, "key.pem");
  await writeFile(caFile(), testCertificate.certificate);
  await writeFile(keyFile, testCertificate.key, { mode: 0o600 });
  const settings = { ssl: "on", ssl_cert_file: caFile(), ssl_key_file: keyFile };
  [house, second] = await Promise.all([testPlacements(), testPostgres({ settings })]);
  way = await severableTo(second.url);
  const { db, secrets, placements } = house;
  api = await createTestApi({ groups: [serverRoutes({ db, secrets, placements })] });
  for (const { url } of [house.postgres, second]) {
    await runAt(
      url,
      "create role maker login createdb createrole password 'hush'",
      "create role weak login password 'hush'",
    );
  }
});
afterAll(async () => {
  await api?.close();
  await house?.close();
  await way?.close();
  await second?.stop();
  await rm(directory, { recursive: true });
});
// The second server is registered by many of the tests, and any of them may have broken off.
beforeEach(async () => {
  const { db, serverId } = house;
  await way.restore();
  await sql`delete from placements`.execute(db);
  await sql`delete from databases where server_id <> ${serverId}`.execute(db);
  await sql`delete from database_servers where id <> ${serverId}`.execute(db);
});

const as = (user: string, url: string) => url.replace(/\/\/[^@]*@/, `//${user}:hush@`);
const givenUrl = () => as("maker", second.url);
const givenHost = () => `127.0.0.1:${second.port}`;

async function call(method: "GET" | "POST" | "PATCH" | "DELETE", url: string, payload?: object) {
  const response = await api.inject({ method, url, headers: asOperator, payload });
  return {
    status: response.statusCode,
    body: response.body ? response.json() : undefined,
    text: response.body,
  };
}

const add = (given: object) => call("POST", "/v1/servers", { name: "second", url: givenUrl(), ...given });

test("a server is registered after a look at it, and shown without its password", async () => {
  const added = await add({ region: "eu", capacity: 5, statementTimeoutMs: 5_000 });
  expect(added.status).toBe(201);
  expect(added.body).toMatchObject({
    name: "second",
    kind: "external",
    host: givenHost(),
    region: "eu",
    capacity: 5,
    databases: 0,
    state: "ready",
    maxBackends: 80,
    statementTimeoutMs: 5_000,
    protection: "local",
    dedicated: false,
    tenant: null,
    warnings: [],
  });
  const list = await call("GET", "/v1/servers?limit=1");
  expect(list.body.items).toMatchObject([{ name: "embedded", kind: "embedded" }]);
  const rest = await call("GET", `/v1/servers?cursor=${list.body.nextCursor}`);
  expect(rest.body.items).toMatchObject([{ name: "second" }]);
  const shown = await call("GET", "/v1/servers/second");
  expect(shown.body.id).toBe(added.body.id);
  for (const { text } of [added, list, rest, shown]) expect(text).not.toMatch(/hush|postgres:\/\//);
  expect((await call("DELETE", `/v1/servers/${added.body.id}`)).status).toBe(204);
  expect((await call("GET", "/v1/servers/second")).status).toBe(404);
});

describe("what is wrong with a server is told in one sentence with what to do, and it isn't kept", () => {
  test.each([
    ["rights", () => as("weak", second.url), /alter role weak createdb\.$/],
    [
      "password",
      () => givenUrl().replace("hush", "wr0ng"),
      /authentication failed .* Check user and password\.$/,
    ],
    [
      "database",
      () => givenUrl().replace(/postgres$/, "nowhere"),
      /does not exist\. Name a database that is there/,
    ],
    ["port", () => "postgres://u:hush@127.0.0.1:1/postgres", /ECONNREFUSED .* Check host and port/],
    ["host", () => "postgres://u:hush@nowhere.invalid/postgres", /Check the host's name/],
    [
      "no TLS there",
      () => `${as("maker", house.postgres.url)}?sslmode=verify-full`,
      /Turn ssl on at the server/,
    ],
    [
      "unknown authority",
      () => `${overTls()}?sslmode=verify-full`,
      /Name its authority's certificate with sslrootcert/,
    ],
    [
      "another name",
      () => `${givenUrl()}?sslmode=verify-full&sslrootcert=${caFile()}`,
      /Use the name that its certificate is for/,
    ],
    [
      "CA file",
      () => `${overTls()}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem`,
      /Check the files that sslrootcert/,
    ],
    [
      "a registry",
      () => as("maker", house.registry.url),
      /holds a registry of Tenantry|can't be connected to/,
    ],
  ])("%s", async (_what, url, message) => {
    const refused = await add({ url: url() });
    expect(refused).toMatchObject({ status: 422, body: { code: "server_unreachable" } });
    expect(refused.body.errors[0]).toEqual({ pointer: "/url", message: expect.stringMatching(message) });
    expect(refused.text).not.toMatch(/hush|wr0ng/);
    expect((await call("GET", "/v1/servers/second")).status).toBe(404);
  });
});

const overTls = () => givenUrl().replace("127.0.0.1", "localhost");

test("TLS is as the URL says: verified by the authority's file; encrypted to anyone is told", async () => {
  const verified = await add({ url: `${overTls()}?sslmode=verify-full&sslrootcert=${caFile()}` });
  expect(verified).toMatchObject({ status: 201, body: { warnings: [] } });
  expect((await call("DELETE", "/v1/servers/second")).status).toBe(204);
  expect((await add({ url: `${overTls()}?sslmode=no-verify` })).status).toBe(201);
});

test("the same server isn't registered twice, under whatever name, address or login", async () => {
  expect((await add({})).status).toBe(201);
  for (const url of [second.url, overTls(), as("maker", way.url)]) {
    const refused = await add({ name: "third", url });
    expect(refused).toMatchObject({ status: 409, body: { code: "server_registered" } });
    expect(refused.body.errors).toEqual([
      { pointer: "/url", message: 'This server is registered as "second".' },
    ]);
  }
  const own = await add({ name: "third", url: house.postgres.url });
  expect(own.body).toMatchObject({
    code: "server_registered",
    detail: 'This server is registered as "embedded".',
  });
});

test("a taken name is refused", async () => {
  expect(await add({ name: "embedded" })).toMatchObject({ status: 409, body: { code: "name_taken" } });
});

test("a server may be a tenant's own, before the tenant is there, too", async () => {
  const early = await add({ tenant: "acme" });
  expect(early.body).toMatchObject({
    tenant: "acme",
    warnings: ['There is no tenant "acme" yet: the server waits for it.'],
  });
  await call("DELETE", "/v1/servers/second");
  const environmentId = await insertEnvironment(house.db, await insertApp(house.db, notes));
  const { rows } = await sql<{ slug: string }>`
    select t.slug from tenants t join environments e on e.tenant_id = t.id where e.id = ${environmentId}
  `.execute(house.db);
  const { slug } = rows[0]!;
  expect((await add({ tenant: slug })).body).toMatchObject({ tenant: slug, warnings: [] });
  expect((await add({ tenant: slug, dedicated: true })).body.errors[0].pointer).toBe("/dedicated");
});

describe("a server that somebody lives on", () => {
  async function live(): Promise<{ environmentId: string; databaseId: string }> {
    const { db } = house;
    expect((await add({ url: as("postgres", way.url).replace("hush", passwordOf(second.url)) })).status).toBe(
      201,
    );
    const environmentId = await insertEnvironment(db, await insertApp(db, notes));
    await sql`update database_servers set region = 'eu' where name = 'second'`.execute(db);
    await sql`
      update tenants set region = 'eu' where id = (select tenant_id from environments where id = ${environmentId})
    `.execute(db);
    const appId = await appOf(environmentId);
    const wanted = { environmentId, appId, level: "database" as const, schemaVersion: 1, region: "eu" };
    return {
      environmentId,
      ...(await house.run((context) => house.placements.placeDatabase(context, wanted))),
    };
  }

  async function appOf(environmentId: string): Promise<string> {
    const { rows } = await sql<{ id: string }>`
      select t.app_id as id from tenants t join environments e on e.tenant_id = t.id where e.id = ${environmentId}
    `.execute(house.db);
    return rows[0]!.id;
  }

  test("stays while somebody does; then what was built in advance goes first, and it is taken out", async () => {
    const { environmentId } = await live();
    expect(await call("DELETE", "/v1/servers/second")).toMatchObject({
      status: 409,
      body: {
        detail: 'One environment lives on the server "second".',
        remedy: expect.stringContaining("--drain"),
      },
    });
    expect((await call("PATCH", "/v1/servers/second", { state: "draining" })).body.state).toBe("draining");
    await house.run((context) =>
      house.placements.removePlacements(context, { environmentId, kind: "database" }),
    );
    const { rows } = await sql<{ name: string }>`
      select d.name from databases d join database_servers s on s.id = d.server_id where s.name = 'second'
    `.execute(house.db);
    expect(rows).toHaveLength(1);
    const keeper = house.keeper({ atRest: 1, pollMs: 20 });
    keeper.start();
    expect((await call("DELETE", "/v1/servers/second")).status).toBe(204);
    await keeper.close();
    expect(await runAt(second.url, `select from pg_database where datname = '${rows[0]!.name}'`)).toEqual([]);
  });

  test("can be reached by another URL to the same databases, which applications learn of; not by one to others", async () => {
    const { environmentId } = await live();
    const versionOf = async () =>
      (
        await sql<{ version: number }>`select version from environments where id = ${environmentId}`.execute(
          house.db,
        )
      ).rows[0]!.version;
    const before = await versionOf();
    const changed = await call("PATCH", "/v1/servers/second", { url: second.url, statementTimeoutMs: 900 });
    expect(changed).toMatchObject({ status: 200, body: { host: givenHost(), statementTimeoutMs: 900 } });
    expect(await versionOf()).toBeGreaterThan(before);
    const found = await house.placements.runtimePlaces(house.db, [environmentId]);
    expect(found.get(environmentId)!.database).toMatchObject({
      url: expect.stringContaining(givenHost()),
      statementTimeoutMs: 900,
    });
    const third = await testPostgres();
    try {
      expect((await call("PATCH", "/v1/servers/second", { url: third.url })).body.errors).toEqual([
        {
          pointer: "/url",
          message: expect.stringMatching(/^It leads to another server: 2 databases of "second"/),
        },
      ]);
    } finally {
      await third.stop();
    }
    await house.run((context) =>
      house.placements.removePlacements(context, { environmentId, kind: "database" }),
    );
  });

  test("keeps its region while a tenant is there that belongs to it", async () => {
    const { environmentId } = await live();
    expect(await call("PATCH", "/v1/servers/second", { region: "us" })).toMatchObject({
      status: 409,
      body: { code: "illegal_transition", detail: expect.stringContaining("belong to another region") },
    });
    await house.run((context) =>
      house.placements.removePlacements(context, { environmentId, kind: "database" }),
    );
    expect((await call("PATCH", "/v1/servers/second", { region: "us" })).body.region).toBe("us");
  });

  test("and goes away for a while is noted, gets nobody meanwhile, and is found again", async () => {
    const { environmentId } = await live();
    await way.sever();
    await house.placements.checkServers({ db: house.db, log: silentLog });
    expect((await call("GET", "/v1/servers/second")).body.state).toBe("unavailable");
    expect((await call("GET", "/v1/servers/embedded")).body.state).toBe("ready");
    expect(await house.placements.scanForLeftovers(house.db)).toMatchObject([
      { problem: "unreachable", kind: "server", name: "second" },
    ]);
    await way.restore();
    await house.placements.checkServers({ db: house.db, log: silentLog });
    expect((await call("GET", "/v1/servers/second")).body.state).toBe("ready");
    await house.run((context) =>
      house.placements.removePlacements(context, { environmentId, kind: "database" }),
    );
  });

  test("and comes back lets go on what could neither go on nor back without it, and nothing else", async () => {
    const { environmentId } = await live();
    const stuck = await house.startWork(
      async () => {
        await way.sever();
        throw failure("forbidden");
      },
      (context) => house.placements.removePlacements(context, { environmentId, kind: "database" }),
    );
    await sql`update operations set environment_id = ${environmentId} where id = ${stuck}`.execute(house.db);
    const elsewhere = () => Promise.reject(failure("server_unreachable"));
    const other = await house.startWork(elsewhere, elsewhere);
    expect(await Promise.all([stuck, other].map(house.ended))).toEqual(["needs_operator", "needs_operator"]);
    const look = () => house.placements.checkServers({ db: house.db, log: silentLog });
    await look();
    await way.restore();
    await look();
    await waitUntil("it has ended", async () => (await house.ended(stuck)) === "failed");
    const left = await sql`select from placements where environment_id = ${environmentId}`.execute(house.db);
    expect(left.rows).toEqual([]);
    expect(await house.ended(other)).toBe("needs_operator");
  });
});

const passwordOf = (url: string) => new URL(url).password;

test("what the installation brings along can be drained and placed in a region, not moved or taken out", async () => {
  expect((await call("PATCH", "/v1/servers/embedded", { region: "eu", capacity: 7 })).body).toMatchObject({
    region: "eu",
    capacity: 7,
  });
  expect((await call("PATCH", "/v1/servers/embedded", { region: null, capacity: 10_000 })).status).toBe(200);
  const moved = await call("PATCH", "/v1/servers/embedded", { url: second.url });
  expect(moved.body.errors[0].pointer).toBe("/url");
  expect((await call("DELETE", "/v1/servers/embedded")).status).toBe(409);
  const id = newId();
  const started = { id, name: `dedicated-${encodeUuid(id)}`, kind: "embedded" as const, dedicated: true };
  await inTransaction(house.db, (tx) =>
    insertServer(tx, {
      ...started,
      urlSecret: null,
      versionNumber: 0,
      region: null,
      capacity: 1,
      maxBackends: 1,
    }),
  );
  for (const refused of [
    await call("DELETE", `/v1/servers/${started.name}`),
    await call("PATCH", `/v1/servers/${started.name}`, { state: "draining" }),
  ]) {
    expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringContaining("goes with it") } });
  }
});

test.each([
  [{ url: "postgres://u:p@h/d" }, "/name"],
  [{ name: "x" }, "/url"],
  [{ name: "X!", url: "postgres://u:p@h/d" }, "/name"],
  [{ name: "x", url: "mysql://u:p@h/d" }, "/url"],
  [{ name: "x", url: "postgres://u:hush@h" }, "/url"],
  [{ name: "x", url: "postgres://u:hush@h/d?sslmode=always" }, "/url"],
  [{ name: "x", url: "postgres://u:p@h/d", capacity: 0 }, "/capacity"],
  [{ name: "x", url: "postgres://u:p@h/d", maxBackends: "many" }, "/maxBackends"],
  [{ name: "x", url: "postgres://u:p@h/d", statementTimeoutMs: 0 }, "/statementTimeoutMs"],
  [{ name: "x", url: "postgres://u:p@h/d", region: "<b>" }, "/region"],
])("%j is refused, naming %s", async (payload, pointer) => {
  const refused = await call("POST", "/v1/servers", payload);
  expect(refused.status).toBe(422);
  expect(refused.body.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
  expect(refused.text).not.toContain("hush");
});
