import { argon2Sync } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { newId, showId } from "../../kernel/index.ts";
import { type TestPostgres, testPostgres } from "../../testing/postgres.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp, insertTestTenant, type TestTenant } from "../../testing/tenants.ts";
import { createSettings } from "../settings/index.ts";
import { createLogIn, createUsers, deleteSessionsOfTenant, type LogIn, type Users } from "./index.ts";

const password = "correct horse battery";
const by = "operator:test";
const hourMs = 3_600_000;
type Site = TestTenant & { appId: string };
let server: TestPostgres;
let registry: TestRegistry;
let users: Users;
let access: LogIn;
let now: Date;
let acme: Site;
let other: Site;
let count = 0;

beforeAll(async () => {
  server = await testPostgres();
  registry = await testRegistry(server);
});
afterAll(async () => {
  await registry.close();
  await server.stop();
});

beforeEach(async () => {
  now = new Date("2026-01-01T12:00:00Z");
  const { db } = registry;
  count += 1;
  const appId = await insertTestApp(db, `app-${count}`);
  acme = { ...(await insertTestTenant(db, appId, `acme-${count}`)), appId };
  other = { ...(await insertTestTenant(db, appId, `other-${count}`)), appId };
  users = createUsers({ db, log: silentLog, settings: createSettings({}) });
  access = createLogIn({ db, log: silentLog, clock: { now: () => now }, settings: createSettings({}) });
});

const later = (ms: number) => (now = new Date(now.getTime() + ms));
const userOf = (tenant: Site, email = "ann@example.com") =>
  users.create(tenant.slug, { email, password, role: "editor" }, by);
const logIn = (tenant: Site, change: { email?: string; password?: string; address?: string } = {}) =>
  access.logIn(tenant, { email: "ann@example.com", password, ...change });
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error: { code: string }) => error.code,
  );

describe("users of a tenant [IAM-2]", () => {
  it("with one address in two tenants are two users, each with a password of their own", async () => {
    await userOf(acme);
    await users.create(
      other.slug,
      {
        email: "Ann@Example.com",
        password: "another horse battery",
        role: "viewer",
      },
      by,
    );
    expect((await logIn(acme)).user.role).toBe("editor");
    expect(await codeOf(logIn(other))).toBe("login_refused");
    expect((await logIn(other, { password: "another horse battery" })).user.role).toBe("viewer");
  });

  it("can't share an address, however it is written, not even when made at the same time", async () => {
    const made = await Promise.all(
      ["ann@example.com", "ANN@example.com", "Ann@Example.Com"].map((email) => codeOf(userOf(acme, email))),
    );
    expect(made.sort()).toEqual(["done", "email_taken", "email_taken"]);
  });

  it("are as many as the setting maxUsers allows, exactly, also when made at the same time", async () => {
    const made = await Promise.all(
      Array.from({ length: 8 }, (_, index) => codeOf(userOf(acme, `u${index}@example.com`))),
    );
    expect(made.filter((code) => code === "done")).toHaveLength(5);
    expect(made.filter((code) => code === "user_limit_reached")).toHaveLength(3);
  });

  it("are found by nobody through another tenant", async () => {
    const ann = await userOf(acme);
    const id = showId("usr", ann.id);
    expect(await codeOf(users.show(other.slug, id))).toBe("user_not_found");
    expect(await codeOf(users.update(other.slug, id, { role: "admin" }, { by }))).toBe("user_not_found");
    expect(await codeOf(users.remove(other.slug, id, { by }))).toBe("user_not_found");
    expect((await users.show(acme.slug, id)).role).toBe("editor");
  });

  it("with a weak password aren't made", async () => {
    expect(
      await codeOf(
        users.create(acme.slug, { email: "ann@example.com", password: "password123", role: "editor" }, by),
      ),
    ).toBe("invalid_request");
    expect(await users.list(acme.slug, { limit: 10 })).toEqual([]);
  });
});

describe("sessions [IAM-2]", () => {
  const valid = (tenant: Site, token: string) => codeOf(access.session(tenant, token));

  it("are valid in their own tenant's environment alone", async () => {
    await userOf(acme);
    await userOf(other);
    const { token, user } = await logIn(acme);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect((await access.session(acme, token)).user).toEqual(user);
    expect(await valid(other, token)).toBe("session_invalid");
    expect(await valid({ ...acme, environmentId: newId() }, token)).toBe("session_invalid");
    expect(await valid(acme, `${token.slice(0, -1)}!`)).toBe("session_invalid");
  });

  it("are stored without their token", async () => {
    await userOf(acme);
    const { token } = await logIn(acme);
    const { rows } = await sql<{ text: string }>`select s::text as text from sessions s`.execute(registry.db);
    expect(
      rows.some(({ text }) => text.includes(token) || text.includes(Buffer.from(token).toString("hex"))),
    ).toBe(false);
  });

  it("end by logging out, once and for all", async () => {
    await userOf(acme);
    const { token } = await logIn(acme);
    await access.logOut(other, token);
    expect(await valid(acme, token)).toBe("done");
    await access.logOut(acme, token);
    await access.logOut(acme, token);
    expect(await valid(acme, token)).toBe("session_invalid");
  });

  it("last 14 days after their last use, and 90 days in any case", async () => {
    await userOf(acme);
    const idle = await logIn(acme);
    const used = await logIn(acme);
    later(13 * 24 * hourMs);
    expect(await valid(acme, used.token)).toBe("done");
    later(2 * 24 * hourMs);
    expect(await valid(acme, idle.token)).toBe("session_invalid");
    for (let day = 15; day < 85; day += 10) {
      expect(await valid(acme, used.token)).toBe("done");
      later(10 * 24 * hourMs);
    }
    expect(await valid(acme, used.token)).toBe("done");
    later(6 * 24 * hourMs);
    expect(await valid(acme, used.token)).toBe("session_invalid");
  });

  it.each([
    [
      "the user is deactivated",
      (id: string) => users.update(acme.slug, id, { status: "deactivated" }, { by }),
    ],
    [
      "the password is changed",
      (id: string) => users.update(acme.slug, id, { password: "brand new horse" }, { by }),
    ],
    ["the user is deleted", (id: string) => users.remove(acme.slug, id, { by })],
    ["an operator ends them", (id: string) => users.endSessions(acme.slug, id, by)],
    [
      "the tenant is suspended",
      () => registry.db.transaction().execute((tx) => deleteSessionsOfTenant(tx, acme.tenantId)),
    ],
  ])("end when %s, and nobody else's do", async (_, change) => {
    const ann = await userOf(acme);
    await userOf(other);
    const [mine, others] = [await logIn(acme), await logIn(other)];
    await change(showId("usr", ann.id));
    expect(await valid(acme, mine.token)).toBe("session_invalid");
    expect(await valid(other, others.token)).toBe("done");
  });

  it("aren't valid while the tenant isn't active, whoever forgot to end them", async () => {
    await userOf(acme);
    const { token } = await logIn(acme);
    await sql`update tenants set status = 'suspended' where id = ${acme.tenantId}`.execute(registry.db);
    expect(await valid(acme, token)).toBe("session_invalid");
  });

  it("don't survive a deactivation that happens while the password is being checked", async () => {
    const ann = await userOf(acme);
    const id = showId("usr", ann.id);
    const [opened] = await Promise.all([
      logIn(acme).catch(() => undefined),
      users.update(acme.slug, id, { status: "deactivated" }, { by }),
    ]);
    if (opened) expect(await valid(acme, opened.token)).toBe("session_invalid");
    expect(await codeOf(logIn(acme))).toBe("login_refused");
  });
});

describe("logging in [IAM-3]", () => {
  it("gives one answer to an unknown address, a wrong password, a deactivated user and one without password", async () => {
    await userOf(acme);
    await users.create(acme.slug, { email: "new@example.com", role: "editor" }, by);
    const attempts = [
      { email: "nobody@example.com" },
      { password: "wrong horse battery" },
      { email: "new@example.com" },
      { email: "x".repeat(900) },
      { password: password.padEnd(900, "x") },
    ];
    const texts = await Promise.all(
      attempts.map((attempt) =>
        logIn(acme, attempt).then(
          () => "in",
          (error: Error) => `${error.name} ${error.message}`,
        ),
      ),
    );
    expect(new Set(texts)).toEqual(new Set(["TenantryError The e-mail address or the password is wrong."]));
  });

  it("takes as long for an unknown address as for a wrong password", async () => {
    await userOf(acme);
    const time = async (email: string) => {
      const startedAt = performance.now();
      await codeOf(access.logIn(acme, { email, password: "wrong horse battery" }));
      return performance.now() - startedAt;
    };
    const known: number[] = [];
    const unknown: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      known.push(await time("ann@example.com"));
      unknown.push(await time(`nobody${round}@example.com`));
    }
    const median = (values: number[]) => values.sort((a, b) => a - b)[2]!;
    expect(median(unknown)).toBeGreaterThan(median(known) / 3);
    expect(median(unknown)).toBeLessThan(median(known) * 3);
  });

  it("is slowed down per account after five failures, longer each time, and free again after a success", async () => {
    await userOf(acme);
    const wrong = () => codeOf(logIn(acme, { password: "wrong horse battery" }));
    for (let attempt = 0; attempt < 6; attempt += 1) expect(await wrong()).toBe("login_refused");
    await expect(logIn(acme)).rejects.toMatchObject({
      code: "too_many_requests",
      details: { retryAfterSeconds: 1 },
    });
    later(1_000);
    expect(await wrong()).toBe("login_refused");
    await expect(logIn(acme)).rejects.toMatchObject({ details: { retryAfterSeconds: 2 } });
    await userOf(other);
    expect(await codeOf(logIn(other))).toBe("done");
    later(2_000);
    expect(await codeOf(logIn(acme))).toBe("done");
    expect(await wrong()).toBe("login_refused");
    expect(await codeOf(logIn(acme))).toBe("done");
  });

  it("treats an address nobody has as one that somebody has", async () => {
    const wrong = () => codeOf(logIn(acme, { email: "nobody@example.com" }));
    for (let attempt = 0; attempt < 6; attempt += 1) expect(await wrong()).toBe("login_refused");
    expect(await wrong()).toBe("too_many_requests");
  });

  it("tries at most the free ones of a thousand guesses sent at once", async () => {
    await userOf(acme);
    const codes = await Promise.all(
      Array.from({ length: 200 }, (_, index) => codeOf(logIn(acme, { password: `guess number ${index}` }))),
    );
    expect(codes.filter((code) => code === "login_refused")).toHaveLength(6);
    expect(codes.filter((code) => code === "too_many_requests")).toHaveLength(194);
  });

  it("is slowed down per application and network address, over all accounts, and one good account doesn't wash that away", async () => {
    await userOf(acme);
    const from = "2001:db8:1:2:aaaa::1";
    for (let attempt = 0; attempt < 30; attempt += 1) {
      expect(await codeOf(logIn(acme, { email: `u${attempt}@example.com`, address: from }))).toBe(
        "login_refused",
      );
    }
    expect(await codeOf(logIn(acme, { address: "2001:db8:1:2:bbbb::2" }))).toBe("done");
    expect(await codeOf(logIn(acme, { email: "x@example.com", address: from }))).toBe("login_refused");
    expect(await codeOf(logIn(acme, { address: "2001:db8:1:2:cccc::3" }))).toBe("too_many_requests");
    expect(await codeOf(logIn(acme, { address: "2001:db8:1:3::1" }))).toBe("done");
    expect(await codeOf(logIn({ ...acme, appId: newId() }, { address: from }))).toBe("done");
    later(hourMs + 1_000);
    expect(await codeOf(logIn(acme, { address: from }))).toBe("done");
  });

  it("makes an outdated hash anew", async () => {
    const ann = await userOf(acme);
    const [message, nonce] = [Buffer.from(password), Buffer.alloc(16, 7)];
    const tag = argon2Sync("argon2id", {
      message,
      nonce,
      memory: 8192,
      passes: 1,
      parallelism: 1,
      tagLength: 32,
    });
    const encode = (bytes: Buffer) => bytes.toString("base64").replaceAll("=", "");
    const old = `$argon2id$v=19$m=8192,t=1,p=1$${encode(nonce)}$${encode(tag)}`;
    await sql`update users set password_hash = ${old} where id = ${ann.id}`.execute(registry.db);
    const { token } = await logIn(acme);
    const { rows } = await sql<{
      hash: string;
    }>`select password_hash as hash from users where id = ${ann.id}`.execute(registry.db);
    expect(rows[0]!.hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await codeOf(access.session(acme, token))).toBe("done");
    expect(await codeOf(logIn(acme))).toBe("done");
  });
});
