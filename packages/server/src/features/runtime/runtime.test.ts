import type { RuntimeSnapshot } from "@tenantry/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createVersionWatch, inTransaction, sql } from "../../infra/db/index.ts";
import { type Api, bearerKey, type Principal } from "../../infra/http/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { newId, showId, systemClock } from "../../kernel/index.ts";
import { asOperator, createTestApi } from "../../testing/api.ts";
import { describeBadInput, describeBadQuery } from "../../testing/bad-input.ts";
import { type TestPostgres, testPostgres } from "../../testing/postgres.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp, insertTestTenant, type TestTenant } from "../../testing/tenants.ts";
import { shortest } from "../../testing/wait-until.ts";
import { createAccess } from "../access/index.ts";
import { buryRuntime, touchRuntime } from "../environments/index.ts";
import { addSystemRoute } from "../routing/index.ts";
import { createSettings } from "../settings/index.ts";
import { readSnapshot, runtimeRoutes, type SnapshotDeps } from "./index.ts";

const password = "correct horse battery";
let server: TestPostgres;
let registry: TestRegistry;
let api: Api;
let sites: string;
let shop: string;
let acme: TestTenant;
let deps: SnapshotDeps;
const keys = new Map<string, Principal>();
/** The environments whose log-in was repaired. */
const repaired: string[] = [];

beforeAll(async () => {
  server = await testPostgres();
  registry = await testRegistry(server);
  const { db, notifications } = registry;
  sites = await insertTestApp(db, "sites");
  shop = await insertTestApp(db, "shop");
  keys.set("sites", { kind: "app", keyId: newId(), appId: sites });
  keys.set("shop", { kind: "app", keyId: newId(), appId: shop });
  keys.set("test-operator", { kind: "operator", keyId: newId() });
  const settings = createSettings({});
  deps = {
    db,
    settings,
    places: async (_, ids) =>
      new Map(ids.map((id) => [id, { cache: { driver: "memory", prefix: id, generation: 1 } }])),
    keys: async () => ({ keys: [] }),
    budgets: async () => [],
    jobKey: (appId) => `key of ${appId}`,
    issuer: "http://127.0.0.1:8686",
  };
  const access = createAccess({ db, log: silentLog, clock: systemClock, settings });
  const snapshot = (question: Parameters<typeof readSnapshot>[1]) => readSnapshot(deps, question);
  const versions = createVersionWatch({ db, notifications, log: silentLog, stream: "runtime" });
  const repairLogin = async (environmentId: string) => repaired.push(environmentId) > 0;
  const repairCache = async (environmentId: string) => repaired.push(`cache ${environmentId}`) > 0;
  const storageKeys = async (environmentId: string, { lastsSeconds }: { lastsSeconds: number }) => {
    const keys = { accessKeyId: environmentId, secretAccessKey: "secret", sessionToken: "token" };
    return { ...keys, lastsSeconds };
  };
  const repairGlobalCache = async (appId: string) => repaired.push(`global ${appId}`) > 0;
  api = await createTestApi({
    groups: [
      runtimeRoutes({
        ...{ db, ...access, snapshot, versions, repairLogin },
        repairCache,
        repairGlobalCache,
        publicUrl: (hostname) => `http://${hostname}/`,
        storageKeys,
      }),
    ],
    authenticate: async (request) => keys.get(bearerKey(request) ?? ""),
  });
  acme = await insertTestTenant(db, sites, "acme");
  await access.users.create("acme", { email: "ann@example.com", password, role: "admin" }, "test");
});
afterAll(async () => {
  await api.close();
  await registry.close();
  await server.stop();
});

/** Each test, and each try of one, begins with the tenant acme alone. */
beforeEach(async () => {
  const { db } = registry;
  await sql`delete from tenants where id <> ${acme.tenantId}`.execute(db);
  await sql`truncate settings, stream_tombstones`.execute(db);
  await sql`update stream_versions set forgotten_version = 0`.execute(db);
});

const touch = (...tenants: TestTenant[]) =>
  inTransaction(registry.db, (tx) =>
    touchRuntime(
      tx,
      tenants.map(({ environmentId }) => environmentId),
    ),
  );

async function ask(key: string, since?: string): Promise<RuntimeSnapshot> {
  const url = `/v1/runtime/snapshot${since === undefined ? "" : `?since=${since}`}`;
  const reply = await api.inject({ url, headers: { authorization: `Bearer ${key}` } });
  expect(reply.statusCode).toBe(200);
  expect(reply.headers["cache-control"]).toBe("no-store");
  return reply.json();
}

const slugsOf = (snapshot: RuntimeSnapshot) =>
  snapshot.environments.map(({ tenantSlug }) => tenantSlug).sort();

/** 4,500 tenants of the shop, which are three pages. */
async function insertMany(): Promise<void> {
  const { db } = registry;
  await sql`
    insert into tenants (id, slug, name, status, app_id)
    select gen_random_uuid(), 'many-' || n, 'Many', 'active', ${shop}::uuid from generate_series(1, 4500) n
  `.execute(db);
  await sql`
    insert into environments (id, tenant_id, name, status, version)
    select gen_random_uuid(), id, 'production', 'ready', 1 from tenants where slug like 'many-%'
  `.execute(db);
}

describe("the runtime snapshot", () => {
  it("holds the application's own environments and nothing of another's", async () => {
    await touch(await insertTestTenant(registry.db, shop, "baker"), acme);
    await inTransaction(registry.db, async (tx) => {
      await addSystemRoute(tx, { ...acme, environment: "production", rootDomain: "localhost" });
      await deps.settings.change(
        tx,
        { scope: "platform" },
        { maxPages: 7, "app.colour": "blue" },
        { changedBy: "test" },
      );
      await deps.settings.change(
        tx,
        { scope: "tenant", scopeId: acme.tenantId },
        { "app.colour": "red" },
        { changedBy: "test" },
      );
    });
    const [ours, theirs] = [await ask("sites"), await ask("shop")];
    expect(slugsOf(ours)).toEqual(["acme"]);
    expect(slugsOf(theirs)).toEqual(["baker"]);
    expect(ours).toMatchObject({
      full: true,
      hasMore: false,
      audience: showId("app", sites),
      issuer: "http://127.0.0.1:8686",
    });
    expect(ours.environments[0]).toMatchObject({
      id: showId("env", acme.environmentId),
      tenantId: showId("tnt", acme.tenantId),
      tenantStatus: "active",
      status: "ready",
      hostnames: ["acme.localhost"],
      cache: { prefix: acme.environmentId },
    });
    expect(ours.environments[0]!.settings).toMatchObject({ maxPages: 7, maxUsers: 5, "app.colour": "red" });
    expect(theirs.environments[0]!.settings).toMatchObject({ "app.colour": "blue" });
    expect(ours.environments[0]!.settings).not.toHaveProperty("maxTenants");
  });

  it("is for applications alone", async () => {
    const statuses = await Promise.all(
      [{}, asOperator, { authorization: "Bearer wrong" }].map(async (headers) => {
        return (await api.inject({ url: "/v1/runtime/snapshot", headers })).statusCode;
      }),
    );
    expect(statuses).toEqual([401, 403, 401]);
  });

  it("from a cursor on holds what changed and what was taken away since, and nothing else", async () => {
    const { db } = registry;
    const [stays, changes, goes] = [
      await insertTestTenant(db, sites, "stays"),
      await insertTestTenant(db, sites, "changes"),
      await insertTestTenant(db, sites, "goes"),
    ];
    await touch(stays, changes, goes);
    const { cursor } = await ask("sites");
    expect(await ask("sites", cursor)).toMatchObject({ full: false, environments: [], removed: [], cursor });
    await touch(changes);
    await inTransaction(db, async (tx) => {
      await sql`delete from tenants where id = ${goes.tenantId}`.execute(tx);
      await buryRuntime(tx, sites, [goes.environmentId]);
      // Another application's, whose number is nobody's business here.
      await buryRuntime(tx, shop, [newId(), newId()]);
    });
    const news = await ask("sites", cursor);
    expect(slugsOf(news)).toEqual(["changes"]);
    expect(news.removed).toEqual([showId("env", goes.environmentId)]);
    expect(news.full).toBe(false);
  });

  it("misses nothing of transactions that commit while it is followed", async () => {
    const { db } = registry;
    const made = await Promise.all(
      Array.from({ length: 40 }, (_, index) => insertTestTenant(db, sites, `busy-${index}`)),
    );
    const known = new Set<string>();
    let cursor = (await ask("sites")).cursor;
    let writing = true;
    const writers = Promise.all(made.map((tenant) => touch(tenant))).finally(() => (writing = false));
    while (writing || known.size < made.length) {
      const page = await ask("sites", cursor);
      for (const slug of slugsOf(page)) known.add(slug);
      if (!writing && page.environments.length === 0) break;
      cursor = page.cursor;
    }
    await writers;
    expect([...known].sort()).toEqual(made.map(({ slug }) => slug).sort());
  });

  it("comes in pages of 2,000, each environment once", async () => {
    await insertMany();
    const seen: string[] = [];
    const pages: RuntimeSnapshot[] = [];
    let since: string | undefined;
    do {
      const page = await ask("shop", since);
      pages.push(page);
      seen.push(...slugsOf(page).filter((slug) => slug.startsWith("many-")));
      since = page.cursor;
    } while (pages.at(-1)!.hasMore);
    expect(pages.map(({ environments }) => environments.length).slice(0, 2)).toEqual([2_000, 2_000]);
    expect(pages.map(({ full }) => full)).toEqual([true, false, false]);
    expect(new Set(seen).size).toBe(4_500);
    expect(seen).toHaveLength(4_500);
  });

  it("starts anew for a process that was away for longer than removals are kept", async () => {
    const { cursor } = await ask("sites");
    await touch(acme);
    const stream = sql`update stream_versions set forgotten_version`;
    await sql`${stream} = ${Number(cursor)} where stream = 'runtime'`.execute(registry.db);
    expect((await ask("sites", cursor)).full).toBe(false);
    await sql`${stream} = ${Number(cursor) + 1} where stream = 'runtime'`.execute(registry.db);
    expect((await ask("sites", cursor)).full).toBe(true);
    // The pages of a reading that begins now hold versions of long ago, and go on all the same.
    const first = await ask("shop");
    expect((await ask("shop", first.cursor)).full).toBe(false);
  });

  it("comes to an end although ten thousand environments were removed lately", async () => {
    const { db } = registry;
    await inTransaction(db, (tx) =>
      buryRuntime(
        tx,
        shop,
        Array.from({ length: 10_001 }, () => newId()),
      ),
    );
    await insertMany();
    const full: boolean[] = [];
    let since: string | undefined;
    do {
      const page = await ask("shop", since);
      full.push(page.full);
      since = page.cursor;
      if (!page.hasMore) break;
    } while (full.length < 5);
    expect(full).toEqual([true, false, false]);
  });

  it("starts anew for a cursor of a registry that was restored since", async () => {
    expect((await ask("sites", "999999")).full).toBe(true);
  });
});

describe("the runtime stream", () => {
  it("tells the version at once, and again within a second of each change", async () => {
    if (!api.server.listening) await api.listen({ port: 0, host: "127.0.0.1" });
    const { port } = api.server.address() as { port: number };
    const response = await fetch(`http://127.0.0.1:${port}/v1/runtime/stream`, {
      headers: { authorization: "Bearer sites" },
    });
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const nextVersion = async () => {
      for (;;) {
        const { value = "" } = await reader.read();
        const version = /event: version\ndata: {"version":(\d+)}/.exec(value)?.[1];
        if (version) return Number(version);
      }
    };
    let version = await nextVersion();
    const tookMs = await shortest(1_000, async () => {
      await touch(acme);
      version += 1;
      expect(await nextVersion()).toBe(version);
    });
    expect(tookMs).toBeLessThan(1_000);
    await reader.cancel();
  });

  it("ends with its listener, and asks the registry nothing while nobody listens", async () => {
    const watch = createVersionWatch({
      db: registry.db,
      notifications: registry.notifications,
      log: silentLog,
      stream: "runtime",
    });
    const stop = new AbortController();
    const changes = watch.changes(stop.signal);
    expect((await changes.next()).done).toBe(false);
    const pending = changes.next();
    stop.abort();
    expect((await pending).done).toBe(true);
    const again = watch.changes(AbortSignal.timeout(5_000));
    await touch(acme);
    expect((await again.next()).value).toBeGreaterThan(0);
    await again.return(undefined);
  });
});

describe("log-in through an application", () => {
  const post = async (key: string, path: string, payload: object) => {
    const url = `/v1/runtime/auth/${path}`;
    const reply = await api.inject({
      method: "POST",
      url,
      payload,
      headers: { authorization: `Bearer ${key}` },
    });
    return { status: reply.statusCode, body: reply.body === "" ? {} : reply.json() };
  };
  const environmentId = () => showId("env", acme.environmentId);
  const credentials = () => ({ environmentId: environmentId(), email: "ann@example.com", password });

  it("opens, recognises and ends a session", async () => {
    const opened = await post("sites", "login", {
      ...credentials(),
      address: "203.0.113.7",
      userAgent: "test",
    });
    expect(opened).toMatchObject({
      status: 200,
      body: { user: { email: "ann@example.com", role: "admin" } },
    });
    const session = { environmentId: environmentId(), token: opened.body.token };
    expect((await post("sites", "session", session)).body.user).toEqual(opened.body.user);
    expect((await post("sites", "logout", session)).status).toBe(204);
    expect(await post("sites", "session", session)).toMatchObject({
      status: 401,
      body: { code: "session_invalid" },
    });
  });

  it("whose request is repeated with its idempotency key isn't given an earlier session, ended by now or not", async () => {
    const again = async (path: string, payload: object) => {
      const headers = { authorization: "Bearer sites", "idempotency-key": path };
      return api.inject({ method: "POST", url: `/v1/runtime/auth/${path}`, payload, headers });
    };
    const login = async (): Promise<string> => (await again("login", credentials())).json().token;
    const token = await login();
    expect(await login()).not.toBe(token);
    const session = { environmentId: environmentId(), token };
    expect((await again("session", session)).statusCode).toBe(200);
    await post("sites", "logout", session);
    expect((await again("session", session)).json().code).toBe("session_invalid");
  });

  it("reaches the tenants of the key's own application alone", async () => {
    const opened = await post("sites", "login", credentials());
    const session = { environmentId: environmentId(), token: opened.body.token };
    for (const [path, body] of [
      ["login", credentials()],
      ["session", session],
      ["logout", session],
    ] as const) {
      expect(await post("shop", path, body)).toMatchObject({
        status: 404,
        body: { code: "environment_not_found" },
      });
    }
    expect((await post("sites", "session", session)).status).toBe(200);
    expect((await post("test-operator", "login", credentials())).status).toBe(403);
  });

  it("whose new password is refused leaves every session as it was, and opens none", async () => {
    const opened = await post("sites", "login", credentials());
    const sessions = async () =>
      (await sql`select id, user_id from sessions order by id`.execute(registry.db)).rows;
    const before = await sessions();
    const change = { environmentId: environmentId(), token: opened.body.token, currentPassword: password };
    for (const [wrong, status] of [
      [{ password: "password123" }, 422],
      [{ password: "ann@example.com" }, 422],
      [{ password: "another horse battery", currentPassword: "wrong horse battery" }, 401],
    ] as const) {
      expect((await post("sites", "password", { ...change, ...wrong })).status).toBe(status);
      expect(await sessions()).toEqual(before);
    }
    const session = { environmentId: environmentId(), token: opened.body.token };
    expect((await post("sites", "session", session)).status).toBe(200);
  });

  it("is refused for a tenant that is suspended, and answers whatever was typed without breaking", async () => {
    const closed = await insertTestTenant(registry.db, sites, "closed");
    await sql`update tenants set status = 'suspended' where id = ${closed.tenantId}`.execute(registry.db);
    const there = { ...credentials(), environmentId: showId("env", closed.environmentId) };
    expect(await post("sites", "login", there)).toMatchObject({
      status: 409,
      body: { code: "environment_unavailable" },
    });
    for (const typed of ["", "'; drop table users", "a".repeat(1_000), "ann@example.com\n"]) {
      expect((await post("sites", "login", { ...credentials(), email: typed })).status).toBe(401);
    }
    expect((await post("sites", "login", { ...credentials(), password: 7 })).status).toBe(422);
    expect((await post("sites", "login", { ...credentials(), address: "not an address" })).status).toBe(422);
  });
});

describe("the repair of a database's log-in by an application", () => {
  const repair = async (key: string, environment: string) => {
    const url = `/v1/runtime/environments/${environment}/database/repair`;
    const reply = await api.inject({ method: "POST", url, headers: { authorization: `Bearer ${key}` } });
    return reply.statusCode;
  };

  it("reaches the environments of the key's own application alone", async () => {
    const environment = showId("env", acme.environmentId);
    repaired.length = 0;
    expect(await repair("sites", environment)).toBe(204);
    expect(repaired).toEqual([acme.environmentId]);
    expect(await repair("shop", environment)).toBe(404);
    expect(await repair("sites", "nonsense")).toBe(404);
    expect(await repair("test-operator", environment)).toBe(403);
    expect(repaired).toHaveLength(1);
  });
});

describe("an address of another tenant's file", () => {
  it("that an application has refused is told of the file's tenant, once, and by its own application alone [ISO-11]", async () => {
    const other = await insertTestTenant(registry.db, sites, "peeks");
    const [owner, triedIn] = [acme, other].map(({ environmentId }) => showId("env", environmentId));
    const tell = (key: string, environment: string, body: object) =>
      api.inject({
        ...{ method: "POST", url: `/v1/runtime/environments/${environment}/files/foreign` },
        ...{ headers: { authorization: `Bearer ${key}` }, payload: body },
      });
    const told = async () => {
      const { rows } = await sql<{ tenantId: string; data: unknown }>`
        select tenant_id as "tenantId", data from events where type = 'file.used-elsewhere'
          and data->>'environmentId' = ${triedIn}`.execute(registry.db);
      return rows;
    };
    expect((await tell("shop", triedIn!, { owner })).statusCode).toBe(404);
    expect((await tell("sites", triedIn!, { owner: "nonsense" })).statusCode).toBe(422);
    expect((await tell("test-operator", triedIn!, { owner })).statusCode).toBe(403);
    expect((await tell("sites", triedIn!, { owner: triedIn })).statusCode).toBe(204);
    expect(await told()).toEqual([]);
    for (let time = 0; time < 2; time += 1)
      expect((await tell("sites", triedIn!, { owner })).statusCode).toBe(204);
    expect(await told()).toEqual([{ tenantId: acme.tenantId, data: { environmentId: triedIn } }]);
  });
});

describe("keys for a time, for files", () => {
  const ask = async (key: string, environment: string, body: object = {}) => {
    const url = `/v1/runtime/environments/${environment}/storage/keys`;
    const headers = { authorization: `Bearer ${key}` };
    return api.inject({ method: "POST", url, headers, payload: body });
  };

  it("are given to the environment's own application alone, for as long as it asks, and never kept", async () => {
    const environment = showId("env", acme.environmentId);
    const given = await ask("sites", environment, { lastsSeconds: 1_000 });
    expect(given.statusCode).toBe(200);
    expect(given.headers["cache-control"]).toBe("no-store");
    expect(given.json()).toMatchObject({ accessKeyId: acme.environmentId, lastsSeconds: 1_000 });
    expect((await ask("shop", environment)).statusCode).toBe(404);
    expect((await ask("sites", "nonsense")).statusCode).toBe(404);
    expect((await ask("test-operator", environment)).statusCode).toBe(403);
    for (const lastsSeconds of [899, 3_601, 1.5, "900"]) {
      expect((await ask("sites", environment, { lastsSeconds })).statusCode).toBe(422);
    }
  });

  it("aren't given any more once the tenant is suspended", async () => {
    await sql`update tenants set status = 'suspended' where id = ${acme.tenantId}`.execute(registry.db);
    try {
      const refused = await ask("sites", showId("env", acme.environmentId));
      expect([refused.statusCode, refused.json().code]).toEqual([409, "environment_unavailable"]);
    } finally {
      await sql`update tenants set status = 'active' where id = ${acme.tenantId}`.execute(registry.db);
    }
  });
});

const bad = {
  api: () => api,
  headers: { authorization: "Bearer sites" },
  state: async () => (await sql`select * from sessions order by id`.execute(registry.db)).rows,
};
const anything = showId("env", newId());
describeBadInput({
  ...bad,
  method: "POST",
  url: "/v1/runtime/auth/login",
  body: {
    environmentId: anything,
    email: "a@example.com",
    password: "x",
    address: "203.0.113.7",
    userAgent: "x",
  },
  optional: ["/address", "/userAgent"],
  takes: Object.fromEntries(
    ["/environmentId", "/email", "/password", "/userAgent"].map((pointer) => [
      pointer,
      ["SQL", "HTML", "control characters", "direction marks"],
    ]),
  ),
});
for (const path of ["session", "logout"]) {
  describeBadInput({
    ...bad,
    method: "POST",
    url: `/v1/runtime/auth/${path}`,
    body: { environmentId: anything, token: "x" },
    takes: Object.fromEntries(
      ["/environmentId", "/token"].map((pointer) => [
        pointer,
        ["SQL", "HTML", "control characters", "direction marks"],
      ]),
    ),
  });
}
describeBadQuery({
  ...bad,
  url: "/v1/runtime/snapshot",
  parameters: {
    since: ["x", "1.2", "-1", "1.'or'", "9".repeat(99)],
    process: ["", "x", "a/b/c/d/e", "x".repeat(99)],
  },
});
