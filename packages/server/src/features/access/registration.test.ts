import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { newId, showId } from "../../kernel/index.ts";
import { fresh } from "../../testing/fresh.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp, insertTestTenant, type TestTenant } from "../../testing/tenants.ts";
import { createSettings, type FixedSettings } from "../settings/index.ts";
import { createAccess, deleteAbandonedRegistrations } from "./index.ts";

const email = "ann@example.com";
const password = "correct horse battery";
const by = "operator:test";
let registry: TestRegistry;
let access: ReturnType<typeof createAccess>;
let appId: string;
let now: Date;
let acme: TestTenant & { appId: string };

beforeAll(async () => {
  registry = await testRegistry();
  appId = await insertTestApp(registry.db, "sites");
});
afterAll(() => registry.close());
beforeEach(async () => {
  now = new Date();
  // Another application to the throttle: what one test counted is none of another's business.
  acme = { ...(await insertTestTenant(registry.db, appId, fresh("acme"))), appId: newId() };
  access = accessWith({});
});

const off: FixedSettings = { requireEmailVerification: { value: false, source: "file" } };
function accessWith(fixed: FixedSettings) {
  const settings = createSettings(fixed);
  return createAccess({ db: registry.db, log: silentLog, clock: { now: () => now }, settings });
}
const register = (change: Partial<{ email: string; password: string; name: string; address: string }> = {}) =>
  access.register(acme, { email, password, ...change });
const logIn = (given: string) => access.logIn.logIn(acme, { email, password: given });
const users = () => access.users.list(acme.slug, { limit: 50 });
const codeOf = (work: Promise<unknown>) =>
  work.then(
    (value) => value ?? "done",
    (error: { code: string }) => error.code,
  );
const laterMs = (ms: number) => (now = new Date(now.getTime() + ms));

describe("registering [REG-7]", () => {
  it("makes a viewer whose address isn't proven, who logs in once it is", async () => {
    expect(await codeOf(register({ name: "Ann" }))).toBe("done");
    const [ann] = await users();
    expect(ann).toMatchObject({ email, name: "Ann", role: "viewer", emailVerifiedAt: null });
    expect(await codeOf(logIn(password))).toBe("email_not_verified");
    const issued = await access.verifications.issueTo(acme, { email });
    await access.verifications.redeem(acme, issued!.token);
    expect((await logIn(password)).user.role).toBe("viewer");
  });

  it("says the same, and changes nothing, where the address is a user's already", async () => {
    await access.users.create(acme.slug, { email, password, role: "admin" }, by);
    const before = await users();
    expect(await codeOf(register({ email: "ANN@example.com", password: "another horse battery" }))).toBe(
      "done",
    );
    expect(await users()).toEqual(before);
    expect(await codeOf(logIn("another horse battery"))).toBe("login_refused");
  });

  it("again, before anybody has proven the address, makes what was said last count, and voids what was sent", async () => {
    await register({ password: "the horse of a stranger" });
    const strangers = await access.verifications.issueTo(acme, { email });
    await register({ name: "Ann" });
    expect(await codeOf(access.verifications.redeem(acme, strangers!.token))).toBe("verification_invalid");
    const mine = await access.verifications.issueTo(acme, { email });
    await access.verifications.redeem(acme, mine!.token);
    expect(await codeOf(logIn("the horse of a stranger"))).toBe("login_refused");
    expect((await logIn(password)).user.name).toBe("Ann");
  });

  it.each([
    ["made by an operator", async () => undefined],
    ["given a role by an admin", async (id: string) => void (await change(id, { role: "editor" }))],
    ["deactivated", async (id: string) => void (await change(id, { status: "deactivated" }))],
  ])("changes nothing of an unproven user who was %s", async (what, touch) => {
    if (what === "made by an operator") {
      const user = { email, password, role: "admin" as const, emailVerified: false };
      await access.users.create(acme.slug, user, by);
    } else await register();
    await touch(showId("usr", (await users())[0]!.id));
    const before = await users();
    expect(await codeOf(register({ password: "the horse of a stranger" }))).toBe("done");
    expect(await users()).toEqual(before);
    expect(await codeOf(logIn("the horse of a stranger"))).toBe("login_refused");
  });
  const change = (id: string, request: Parameters<typeof access.users.update>[2]) =>
    access.users.update(acme.slug, id, request, { by });

  it("takes nobody's account while addresses needn't be proven", async () => {
    access = accessWith(off);
    await register();
    expect(await codeOf(register({ password: "the horse of a stranger" }))).toBe("done");
    expect(await codeOf(logIn("the horse of a stranger"))).toBe("login_refused");
    expect((await logIn(password)).user.email).toBe(email);
  });

  it("makes one user of two who do it at the same time", async () => {
    const codes = await Promise.all([codeOf(register()), codeOf(register({ email: "ANN@EXAMPLE.COM" }))]);
    expect(codes).toEqual(["done", "done"]);
    expect(await users()).toHaveLength(1);
  });

  it("refuses when the tenant has as many users as it may, whether or not the address is taken", async () => {
    access = accessWith({ maxUsers: { value: 1, source: "file" } });
    await register();
    expect(await codeOf(register({ email: "bob@example.com" }))).toBe("user_limit_reached");
    expect(await codeOf(register())).toBe("user_limit_reached");
  });

  it("refuses a weak password, whether or not the address is taken", async () => {
    await access.users.create(acme.slug, { email, password, role: "admin" }, by);
    expect(await codeOf(register({ password: "password123" }))).toBe("invalid_request");
    expect(await codeOf(register({ email: "bob@example.com", password: "password123" }))).toBe(
      "invalid_request",
    );
  });

  it("is slowed down per address of mail, taken or not, and per address of the network", async () => {
    await access.users.create(acme.slug, { email, password, role: "admin" }, by);
    for (const wanted of [email, "bob@example.com"]) {
      const codes: unknown[] = [];
      for (let attempt = 0; attempt < 5; attempt += 1) codes.push(await codeOf(register({ email: wanted })));
      expect(codes).toEqual(["done", "done", "done", "done", "too_many_requests"]);
    }
    const from = async (index: number) =>
      codeOf(register({ email: `u${index}@example.com`, address: "192.0.2.9", password: "weak" }));
    const codes: unknown[] = [];
    for (let attempt = 0; attempt < 7; attempt += 1) codes.push(await from(attempt));
    expect(codes.at(-2)).toBe("invalid_request");
    expect(codes.at(-1)).toBe("too_many_requests");
    laterMs(1_001);
    expect(await from(99)).toBe("invalid_request");
  });
});

describe("a registration that nobody completes", () => {
  const age = (days: number) =>
    sql`update users set created_at = now() - ${days} * interval '1 day' where tenant_id = ${acme.tenantId}`.execute(
      registry.db,
    );
  const clear = (fixed: FixedSettings = {}) =>
    deleteAbandonedRegistrations({ db: registry.db, settings: createSettings(fixed) }, 100);

  it("gives its place free after seven days, which is told", async () => {
    await register();
    const { id } = (await users())[0]!;
    await age(6.9);
    await clear();
    expect(await users()).toHaveLength(1);
    await age(7.1);
    await clear();
    expect(await users()).toEqual([]);
    const { rows } = await sql<{ type: string; data: object }>`
      select type, data from events where tenant_id = ${acme.tenantId} order by version desc, ordinal desc limit 1
    `.execute(registry.db);
    expect(rows).toEqual([{ type: "user.deleted", data: { userId: showId("usr", id) } }]);
  });

  it("stays where the address was proven, somebody touched it, or the setting is off; others' users stay anyway", async () => {
    await register();
    await access.users.create(
      acme.slug,
      { email: "bob@example.com", role: "viewer", emailVerified: false },
      by,
    );
    await age(30);
    await clear(off);
    expect(await users()).toHaveLength(2);
    const issued = await access.verifications.issueTo(acme, { email });
    await access.verifications.redeem(acme, issued!.token);
    await clear();
    expect(await users()).toHaveLength(2);
  });
});
