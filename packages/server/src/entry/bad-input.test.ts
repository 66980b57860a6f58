import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sql } from "../infra/db/index.ts";
import type { Hostility, Shape } from "../testing/bad-bodies.ts";
import { describeBadInput, describeBadPath, describeBadQuery } from "../testing/bad-input.ts";
import { type Composed, composedApi } from "../testing/composed.ts";
import { openApiReference } from "./reference/openapi.ts";

const letters: readonly Hostility[] = ["SQL", "HTML"];
/** A password, a script, a migration: anything that can be stored. */
const anything: readonly Hostility[] = [...letters, "control characters", "direction marks"];

const release = {
  migrations: [{ name: "0001_pages.sql", sql: "create table pages (id int primary key)" }],
  upstreamUrl: "http://127.0.0.1:3000",
  workingDirectory: "/srv/app",
  variables: { COLOUR: "red" },
  healthPath: "/healthz",
};
const releaseShape: Omit<Shape, "body"> = {
  optional: ["/migrations", "/workingDirectory", "/variables", "/variables/COLOUR", "/healthPath"],
  takes: { "/migrations/0/sql": [...anything, "long text"], "/variables/COLOUR": anything },
};
const content = () => ({ size: 5, chunks: ["a".repeat(64)] });
const template = {
  description: "For agencies",
  app: "sites",
  plan: "basic",
  region: "eu",
  groups: ["first"],
  preset: "soft",
  isolation: { database: "shared" },
  timezone: "UTC",
  language: "en",
  logoUrl: "https://example.com/logo.png",
  settings: { "app.colour": "red" },
  data: [{ name: "pages.sql", ...content() }],
  files: [{ key: "media/logo.png", contentType: "image/png", ...content() }],
};
const templateShape: Omit<Shape, "body"> = {
  optional: [
    ...[
      "/description",
      "/app",
      "/plan",
      "/region",
      "/groups",
      "/preset",
      "/isolation",
      "/isolation/database",
    ],
    ...["/timezone", "/language", "/logoUrl", "/settings", "/data", "/files", "/files/0/contentType"],
  ],
  takes: { "/description": letters, "/files/0/key": letters },
  anyJson: ["/settings/app.colour"],
};
const user = { email: "ann@example.com", password: "correct horse battery", name: "Ann", role: "editor" };
const userTakes = { "/password": anything, "/name": letters };
const session = { environmentId: "env_01jd0000000000000000000000", token: "x" };

const newUser: Shape = {
  body: { ...user, emailVerified: false },
  optional: ["/password", "/name", "/role", "/emailVerified"],
  takes: userTakes,
};
const changedUser: Shape = {
  body: { ...user, status: "active", emailVerified: true },
  optional: ["/email", "/password", "/name", "/role", "/status", "/emailVerified"],
  nullable: ["/name"],
  takes: userTakes,
};

/** A good body of each operation that takes one. */
const shapes: Record<string, Shape> = {
  createTenant: {
    body: {
      slug: "good-slug",
      clientId: "c-1",
      name: "Good Name",
      app: "sites",
      plan: "basic",
      region: "eu",
      groups: ["first"],
      parentId: "acme",
      visibleToParent: true,
      isolation: { database: "database", storage: "prefix", cache: "prefix", compute: "shared" },
      template: "agency",
      timezone: "Europe/Berlin",
      language: "de",
      logoUrl: "https://example.com/logo.png",
      settings: { "app.colour": "red" },
      domains: ["www.acme.com"],
      admin: { email: "ann@example.com", password: "correct horse battery" },
    },
    optional: [
      ...[
        "/slug",
        "/clientId",
        "/app",
        "/plan",
        "/region",
        "/groups",
        "/parentId",
        "/visibleToParent",
        "/template",
        "/isolation",
        "/isolation/database",
      ],
      ...["/isolation/storage", "/isolation/cache", "/isolation/compute", "/timezone", "/language"],
      ...["/logoUrl", "/settings", "/domains", "/admin"],
    ],
    takes: { "/name": letters, "/clientId": letters, "/admin/password": anything },
    nullable: ["/template"],
    anyJson: ["/settings/app.colour"],
  },
  cloneTenant: {
    body: {
      slug: "good-slug",
      name: "Good Name",
      isolation: { database: "database", storage: "prefix", cache: "prefix", compute: "shared" },
      parentId: "acme",
      include: { storage: true, users: false },
      admin: { email: "ann@example.com", password: "correct horse battery" },
    },
    optional: [
      ...[
        "/isolation",
        "/isolation/database",
        "/isolation/storage",
        "/isolation/cache",
        "/isolation/compute",
      ],
      ...["/parentId", "/include", "/include/storage", "/include/users", "/admin"],
    ],
    nullable: ["/parentId"],
    takes: { "/name": letters, "/admin/password": anything },
  },
  moveEnvironment: {
    body: {
      isolation: { database: "database", storage: "prefix", cache: "prefix", compute: "shared" },
      preset: "soft",
      server: "local",
      storageServer: "disk",
      cacheServer: "memory",
    },
    optional: [
      ...["/isolation", "/isolation/database", "/isolation/storage", "/isolation/cache"],
      ...["/isolation/compute", "/preset", "/server", "/storageServer", "/cacheServer"],
    ],
    takes: { "/server": anything, "/storageServer": anything, "/cacheServer": anything },
  },
  rotateCredentials: { body: { overlapSeconds: 60 }, optional: ["/overlapSeconds"] },
  updateTenant: {
    body: {
      slug: "good-slug",
      name: "Good",
      plan: "basic",
      region: "eu",
      groups: ["first"],
      parentId: "globex",
      visibleToParent: true,
      timezone: "UTC",
    },
    optional: ["/slug", "/name", "/plan", "/region", "/groups", "/parentId", "/visibleToParent", "/timezone"],
    nullable: ["/plan", "/region", "/parentId"],
    takes: { "/name": letters },
  },
  suspendTenant: { body: { reason: "overdue" }, optional: ["/reason"], takes: { "/reason": letters } },
  startMaintenance: {
    body: { message: "Back at six", retryAfterSeconds: 60 },
    optional: ["/message", "/retryAfterSeconds"],
    takes: { "/message": letters },
  },
  checkSchema: {
    body: { migrations: release.migrations },
    takes: { "/migrations/0/sql": [...anything, "long text"] },
  },
  verifyIsolation: {
    body: { tenant: "acme", level: "database", sample: 5 },
    optional: ["/tenant", "/level", "/sample"],
  },
  addDomain: {
    body: { hostname: "www.acme.com", environment: "production", verified: true },
    optional: ["/environment", "/verified"],
  },
  verifyDomain: { body: { verified: true }, optional: ["/verified"] },
  changeTenantSettings: { body: { "app.colour": "red" }, anyJson: ["/app.colour"] },
  changeSettings: { body: { maxUsers: 7 }, optional: ["/maxUsers"], nullable: ["/maxUsers"] },
  createUser: newUser,
  runtimeCreateUser: newUser,
  updateUser: changedUser,
  runtimeUpdateUser: changedUser,
  createApp: { body: { slug: "shop", ...release }, ...releaseShape },
  createRelease: { body: release, ...releaseShape },
  startMigration: {
    body: { group: "first", concurrency: 4 },
    optional: ["/group", "/concurrency"],
  },
  startDriftCheck: { body: { group: "first" }, optional: ["/group"] },
  runScript: {
    body: {
      ...{ name: "fix.sql", sql: "update pages set id = 1", tenant: "acme" },
      ...{ environment: "production", again: true, dryRun: true },
    },
    optional: ["/environment", "/again", "/dryRun"],
    takes: { "/sql": [...letters, "control characters", "direction marks", "long text"] },
  },
  planMigration: {
    body: { group: "first", migrations: release.migrations },
    optional: ["/group", "/migrations"],
    takes: { "/migrations/0/sql": [...anything, "long text"] },
  },
  createServer: {
    body: {
      name: "second",
      url: "postgres://a:b@127.0.0.1:1/postgres",
      region: "eu",
      capacity: 5,
      maxBackends: 9,
      statementTimeoutMs: 900,
      dedicated: false,
      tenant: "acme",
    },
    optional: ["/region", "/capacity", "/maxBackends", "/statementTimeoutMs", "/dedicated", "/tenant"],
  },
  updateServer: {
    body: {
      url: "postgres://a:b@127.0.0.1:1/postgres",
      region: "eu",
      capacity: 5,
      maxBackends: 9,
      statementTimeoutMs: 900,
      state: "draining",
    },
    optional: ["/url", "/region", "/capacity", "/maxBackends", "/statementTimeoutMs", "/state"],
    nullable: ["/region", "/statementTimeoutMs"],
  },
  createCacheServer: {
    body: { name: "second", url: "redis://a:b@127.0.0.1:1", purpose: "shared", region: "eu", capacity: 5 },
    optional: ["/purpose", "/region", "/capacity"],
  },
  createStorageServer: {
    body: {
      name: "second",
      endpoint: "http://127.0.0.1:1",
      bucket: "bucket",
      accessKeyId: "a",
      secretAccessKey: "b",
      signingRegion: "us-east-1",
      purpose: "shared",
      tenant: "acme",
      users: "ceph",
      roleArn: "arn:aws:iam::1:role/files",
      stsEndpoint: "http://127.0.0.1:1",
      region: "eu",
      capacity: 5,
    },
    optional: [
      ...["/signingRegion", "/purpose", "/tenant", "/users", "/roleArn", "/stsEndpoint"],
      ...["/region", "/capacity"],
    ],
    takes: { "/accessKeyId": letters, "/secretAccessKey": letters },
  },
  createTemplate: { body: { name: "agency", ...template }, ...templateShape },
  reviseTemplate: { body: template, ...templateShape },
  createKey: { body: { kind: "app", name: "web", app: "sites" }, takes: { "/name": letters } },
  runtimeLogin: {
    body: {
      environmentId: session.environmentId,
      email: "ann@example.com",
      password: "x",
      address: "192.0.2.1",
      userAgent: "x",
    },
    optional: ["/address", "/userAgent"],
    takes: { "/email": anything, "/password": anything, "/userAgent": anything },
  },
  runtimePassword: {
    body: {
      ...session,
      currentPassword: "x",
      password: "correct horse battery",
      address: "192.0.2.1",
      userAgent: "x",
    },
    optional: ["/address", "/userAgent"],
    takes: {
      "/token": anything,
      "/currentPassword": anything,
      "/password": anything,
      "/userAgent": anything,
    },
  },
  runtimeRegister: {
    body: {
      environmentId: session.environmentId,
      ...{ email: "ann@example.com", password: "correct horse battery", name: "Ann" },
      address: "192.0.2.1",
    },
    optional: ["/name", "/address"],
    takes: userTakes,
  },
  runtimeVerification: {
    body: { environmentId: session.environmentId, email: "ann@example.com", address: "192.0.2.1" },
    optional: ["/address"],
    takes: { "/email": anything },
  },
  runtimeVerifyEmail: { body: session, takes: { "/token": anything } },
  runtimeForeignFile: { body: { owner: "env_01h00000000000000000000000" } },
  runtimeStorageKeys: { body: { lastsSeconds: 900 }, optional: ["/lastsSeconds"] },
  runtimeSession: { body: session, takes: { "/token": anything } },
  runtimeLogout: { body: session, takes: { "/token": anything } },
};

/** Values that each query parameter refuses, wherever it stands. */
const badQueries: Record<string, readonly string[]> = {
  limit: ["", "0", "-1", "201", "1.5", "x", "1e9"],
  cursor: ["x", "AAAA", "x".repeat(2_000)],
  search: ["x".repeat(2_000)],
  status: ["", "nonsense", "x".repeat(2_000)],
  state: ["", "nonsense", "x".repeat(2_000)],
  tenant: ["x".repeat(2_000)],
  app: ["x".repeat(2_000)],
  group: ["x".repeat(2_000)],
  parent: ["x".repeat(2_000)],
  kind: ["x".repeat(2_000)],
  tenantId: ["x", "op_01jd0000000000000000000000"],
  internal: ["", "nonsense"],
  operation: ["x", "tnt_01jd0000000000000000000000", "x".repeat(2_000)],
  revision: ["", "0", "x", "1.5", "x".repeat(2_000)],
  now: ["", "nonsense"],
  verified: ["", "nonsense"],
  type: ["", "nonsense", "tenant.suspended", "tenantry.tenant.suspended,", "x".repeat(5_000)],
  since: ["nonsense", "x".repeat(2_000)],
  process: ["x".repeat(2_000)],
  hostname: ["", "x".repeat(2_000)],
};

type Operation = {
  operationId: string;
  parameters?: { name: string; in: string }[];
  requestBody?: object;
};
type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
const { paths } = JSON.parse(await openApiReference()) as {
  paths: Record<string, Record<string, Operation>>;
};
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => {
    const names = (place: string) =>
      (operation.parameters ?? []).filter((one) => one.in === place).map(({ name }) => name);
    return {
      path,
      method: method.toUpperCase() as Method,
      ...operation,
      queries: names("query"),
      params: names("path"),
    };
  }),
);

let composed: Composed;
beforeAll(async () => {
  composed = await composedApi();
});
afterAll(async () => composed.close());

const api = () => composed.api;
const state = () => composed.state();
const headersOf = (path: string) => () =>
  path.startsWith("/v1/runtime/") ? { ...composed.asSites, "tenantry-session": "x" } : composed.asOperator;
const goodParts: Record<string, string> = {
  user: "usr_01jd0000000000000000000000",
  app: "sites",
  environment: "production",
  template: "agency",
  sha256: "a".repeat(64),
};
/** A path with something good in each place but one. */
const filled = (path: string, besides: string, part: string) =>
  path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => {
    if (name === besides) return part;
    return goodParts[name] ?? "acme";
  });

for (const { path, method, operationId, requestBody, queries, params } of operations) {
  const route = { api, state, method, headers: headersOf(path) };
  const shape = shapes[operationId];
  if (requestBody && shape) describeBadInput({ ...route, ...shape, url: filled(path, "", "") });
  for (const name of params) {
    describeBadPath({ ...route, body: shape?.body, url: (part) => filled(path, name, part) });
  }
  if (queries.length > 0) {
    const parameters = Object.fromEntries(queries.map((name) => [name, badQueries[name] ?? []]));
    describeBadQuery({ ...route, url: filled(path, "", ""), parameters });
  }
}

describe("an operation that takes no body", () => {
  const without = operations.filter(({ method, requestBody }) => method !== "GET" && !requestBody);
  it.each(without.map(({ method, path }) => [method, path] as const))(
    "refuses one by its field, and changes nothing: %s %s",
    async (method, path) => {
      const before = await state();
      const reply = await api().inject({
        method,
        url: filled(path, "", ""),
        headers: headersOf(path)(),
        payload: { colour: "red" },
      });
      expect(reply.json()).toMatchObject({ status: 422, errors: [{ pointer: "/colour" }] });
      expect(await state()).toEqual(before);
    },
  );
});

describe("the search for bad input", () => {
  it("sees a change, and none in what reading alone touches", async () => {
    const { db } = composed.registry;
    const before = await state();
    await sql`update api_keys set last_used_at = now()`.execute(db);
    expect(await state()).toEqual(before);
    await sql`update tenants set name = name || ', Inc.'`.execute(db);
    expect(await state()).not.toEqual(before);
  });

  it("leaves out no operation that takes a body, and no query parameter", () => {
    const bodies = operations.filter(({ requestBody }) => requestBody).map(({ operationId }) => operationId);
    expect(Object.keys(shapes).sort()).toEqual(bodies.sort());
    expect(Object.keys(badQueries).sort()).toEqual(
      [...new Set(operations.flatMap(({ queries }) => queries))].sort(),
    );
  });
});
