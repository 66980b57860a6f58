import type { UpdateUserRequest } from "@tenantry/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { newId, showId } from "../../kernel/index.ts";
import { fresh } from "../../testing/fresh.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp, insertTestTenant, type TestTenant } from "../../testing/tenants.ts";
import { createSettings } from "../settings/index.ts";
import { copyUsers, createAccess, deleteExpiredVerifications } from "./index.ts";

const email = "ann@example.com";
const password = "correct horse battery";
const by = "operator:test";
const hourMs = 3_600_000;
type Site = TestTenant & { appId: string };
let registry: TestRegistry;
let access: ReturnType<typeof createAccess>;
let appId: string;
let now: Date;
let acme: Site;
let other: Site;

beforeAll(async () => {
  registry = await testRegistry();
  appId = await insertTestApp(registry.db, "sites");
});
afterAll(() => registry.close());
beforeEach(async () => {
  now = new Date();
  acme = { ...(await insertTestTenant(registry.db, appId, fresh("acme"))), appId };
  other = { ...(await insertTestTenant(registry.db, appId, fresh("other"))), appId };
  access = accessWith(true);
});

function accessWith(required: boolean) {
  const settings = createSettings({
    requireEmailVerification: { value: required, source: "environment variable" },
  });
  return createAccess({ db: registry.db, log: silentLog, clock: { now: () => now }, settings });
}

/** A user of acme; unproven unless said otherwise. */
async function userOf(site: Site, change: { emailVerified?: boolean; email?: string } = {}): Promise<string> {
  const user = { email, password, role: "editor" as const, emailVerified: false, ...change };
  return showId("usr", (await access.users.create(site.slug, user, by)).id);
}
const logIn = (site: Site = acme, given = access) => given.logIn.logIn(site, { email, password });
const issue = async (user: string) => (await access.verifications.issue(acme.slug, user, by)).token;
const redeem = (token: string, site: Site = acme) => access.verifications.redeem(site, token);
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error: { code: string }) => error.code,
  );

async function told(site: Site = acme): Promise<{ type: string; data: Record<string, unknown> }[]> {
  const { rows } = await sql<{ type: string; data: Record<string, unknown> }>`
    select type, data from events where tenant_id = ${site.tenantId} order by version, ordinal
  `.execute(registry.db);
  return rows;
}
const verifiedEvents = async () => (await told()).filter(({ type }) => type === "user.email-verified");

describe("an address that isn't proven [REG-7]", () => {
  it("keeps its user from logging in, says so to whoever has the password, and to nobody else", async () => {
    await userOf(acme);
    await expect(logIn()).rejects.toMatchObject({ code: "email_not_verified" });
    const wrong = access.logIn.logIn(acme, { email, password: "wrong horse battery" });
    expect(await codeOf(wrong)).toBe("login_refused");
    const { rows } = await sql`select 1 from sessions where tenant_id = ${acme.tenantId}`.execute(
      registry.db,
    );
    expect(rows).toEqual([]);
  });

  it("doesn't count against guessing where the password was right", async () => {
    await userOf(acme);
    for (let attempt = 0; attempt < 7; attempt += 1) expect(await codeOf(logIn())).toBe("email_not_verified");
  });

  it("isn't told of a user who may not log in anyway", async () => {
    const ann = await userOf(acme);
    await access.users.update(acme.slug, ann, { status: "deactivated" }, { by });
    expect(await codeOf(logIn())).toBe("login_refused");
  });

  it("keeps nobody out while the setting is off, and everybody again once it is on", async () => {
    await userOf(acme);
    const { token } = await logIn(acme, accessWith(false));
    expect(await codeOf(accessWith(false).logIn.session(acme, token))).toBe("done");
    expect(await codeOf(access.logIn.session(acme, token))).toBe("session_invalid");
  });

  it("is none of those whom an operator or an admin makes, unless they say so", async () => {
    await access.users.create(acme.slug, { email, password, role: "editor" }, by);
    expect(await codeOf(logIn())).toBe("done");
  });

  it("takes as long to log in with a wrong password as one that is proven", async () => {
    await userOf(acme);
    await access.users.create(other.slug, { email, password, role: "editor" }, by);
    const time = async (site: Site) => {
      const startedAt = performance.now();
      await codeOf(access.logIn.logIn(site, { email, password: "wrong horse battery" }));
      return performance.now() - startedAt;
    };
    const [unproven, proven]: [number[], number[]] = [[], []];
    for (let round = 0; round < 5; round += 1) {
      unproven.push(await time(acme));
      proven.push(await time(other));
    }
    const median = (values: number[]) => values.sort((a, b) => a - b)[2]!;
    expect(median(unproven)).toBeGreaterThan(median(proven) / 3);
    expect(median(unproven)).toBeLessThan(median(proven) * 3);
  });
});

describe("what proves an address [REG-7]", () => {
  it("lets its user log in, tells so once, and opens no session itself", async () => {
    const ann = await userOf(acme);
    const token = await issue(ann);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(await redeem(token)).toMatchObject({ id: ann, email });
    expect((await access.users.show(acme.slug, ann)).emailVerifiedAt).toEqual(now);
    expect(await codeOf(logIn())).toBe("done");
    expect(await told()).toEqual([
      { type: "user.created", data: { userId: ann } },
      { type: "user.verification-issued", data: { userId: ann } },
      { type: "user.email-verified", data: { userId: ann } },
    ]);
  });

  it("answers the same, and does nothing, when it is repeated or sent ten times at once", async () => {
    const token = await issue(await userOf(acme));
    const answers = await Promise.all(Array.from({ length: 10 }, () => redeem(token)));
    answers.push(await redeem(token));
    expect(new Set(answers.map(({ email }) => email))).toEqual(new Set([email]));
    expect(await verifiedEvents()).toHaveLength(1);
  });

  it("is kept without the token, and isn't among what is told", async () => {
    const token = await issue(await userOf(acme));
    const { rows } = await sql<{ text: string }>`
      select v::text as text from email_verifications v union all select e::text from events e
    `.execute(registry.db);
    const forms = [
      token,
      Buffer.from(token).toString("hex"),
      Buffer.from(token, "base64url").toString("hex"),
    ];
    expect(rows.filter(({ text }) => forms.some((form) => text.includes(form)))).toEqual([]);
  });

  it("is good for 24 hours, and goes from the registry after them", async () => {
    const token = await issue(await userOf(acme));
    now = new Date(now.getTime() + 24 * hourMs);
    expect(await codeOf(redeem(token))).toBe("verification_invalid");
    await sql`update email_verifications set expires_at = now()`.execute(registry.db);
    expect(await deleteExpiredVerifications(registry.db, 1_000)).toBeGreaterThan(0);
  });

  it("is void once there is a newer one", async () => {
    const ann = await userOf(acme);
    const [first, second] = [await issue(ann), await issue(ann)];
    expect(await codeOf(redeem(first))).toBe("verification_invalid");
    expect(await codeOf(redeem(second))).toBe("done");
  });

  it.each<[string, ...UpdateUserRequest[]]>([
    ["another address", { email: "new@example.com" }],
    ["another address, and back", { email: "new@example.com" }, { email }],
    ["taking the trust back", { emailVerified: false }],
  ])("is void after %s", async (_, ...changes) => {
    const ann = await userOf(acme);
    const token = await issue(ann);
    for (const change of changes) await access.users.update(acme.slug, ann, change, { by });
    expect(await codeOf(redeem(token))).toBe("verification_invalid");
    expect((await access.users.show(acme.slug, ann)).emailVerifiedAt).toBeNull();
  });

  it("goes with its user, and isn't made for one whose address is proven", async () => {
    const ann = await userOf(acme);
    const token = await issue(ann);
    await redeem(token);
    expect(await codeOf(issue(ann))).toBe("email_verified");
    await access.users.remove(acme.slug, ann, { by });
    expect(await codeOf(redeem(token))).toBe("verification_invalid");
    expect(await codeOf(issue(ann))).toBe("user_not_found");
  });

  it("is refused in another tenant, which is told once a minute to the tenant whose it is [ISO-11]", async () => {
    const ann = await userOf(acme);
    const token = await issue(ann);
    expect(await codeOf(redeem(token, other))).toBe("verification_invalid");
    expect(await codeOf(redeem(token, other))).toBe("verification_invalid");
    expect((await access.users.show(acme.slug, ann)).emailVerifiedAt).toBeNull();
    expect((await told()).at(-1)).toEqual({
      type: "verification.used-elsewhere",
      data: { userId: ann, environmentId: showId("env", other.environmentId) },
    });
    expect((await told()).filter(({ type }) => type === "verification.used-elsewhere")).toHaveLength(1);
    expect(await told(other)).toEqual([]);
    expect(await codeOf(redeem(token))).toBe("done");
  });

  it("leaves nothing half done when the server goes away in the middle, and is good afterwards", async () => {
    const ann = await userOf(acme);
    const token = await issue(ann);
    // The last thing it writes: the event. Whatever was written before must not stay without it.
    await sql`
      create function die() returns trigger language plpgsql as
        $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$
    `.execute(registry.db);
    await sql`
      create trigger die before insert on events for each row when (new.type = 'user.email-verified')
        execute function die()
    `.execute(registry.db);
    try {
      expect(await codeOf(redeem(token))).not.toBe("done");
    } finally {
      await sql`drop function die() cascade`.execute(registry.db);
    }
    expect((await access.users.show(acme.slug, ann)).emailVerifiedAt).toBeNull();
    expect(await codeOf(redeem(token))).toBe("done");
    expect(await verifiedEvents()).toHaveLength(1);
  });

  it.each(["", "x", "\0", "'; drop table users; --", "x".repeat(200), "ü".repeat(43)])(
    "is refused as %j",
    async (token) => {
      expect(await codeOf(redeem(token))).toBe("verification_invalid");
    },
  );
});

describe("a visitor who asks for another link", () => {
  const ask = (address: string, from?: string) =>
    access.verifications.issueTo(acme, { email: address, address: from });
  beforeEach(() => {
    // What was counted for an application's visitors before counts for others.
    acme = { ...acme, appId: newId() };
  });

  it("gets one where the address is an unproven user's, whatever its case; else none", async () => {
    const ann = await userOf(acme);
    await userOf(acme, { email: "proven@example.com", emailVerified: true });
    await userOf(other, { email: "theirs@example.com" });
    const issued = await ask("ANN@example.com");
    expect(issued).toMatchObject({ userId: ann, email });
    for (const address of ["proven@example.com", "theirs@example.com", "nobody@example.com", "x".repeat(900)])
      expect(await ask(address)).toBeUndefined();
    expect(await codeOf(redeem(issued!.token))).toBe("done");
  });

  it("is slowed down alike for addresses that somebody has and that nobody has, and by where they are", async () => {
    await userOf(acme);
    for (const address of [email, "nobody@example.com"]) {
      const codes: string[] = [];
      for (let attempt = 0; attempt < 5; attempt += 1) codes.push(await codeOf(ask(address)));
      expect(codes).toEqual(["done", "done", "done", "done", "too_many_requests"]);
    }
    const codes: string[] = [];
    for (let attempt = 0; attempt < 12; attempt += 1)
      codes.push(await codeOf(ask(`u${attempt}@example.com`, "192.0.2.7")));
    expect(codes.at(-2)).toBe("done");
    expect(codes.at(-1)).toBe("too_many_requests");
  });
});

describe("another address [REG-7]", () => {
  it("must be proven anew, and ends the user's sessions", async () => {
    const ann = await userOf(acme, { emailVerified: true });
    const { token } = await logIn();
    await access.users.update(acme.slug, ann, { email: "new@example.com" }, { by });
    expect(await codeOf(access.logIn.session(acme, token))).toBe("session_invalid");
    const again = access.logIn.logIn(acme, { email: "new@example.com", password });
    expect(await codeOf(again)).toBe("email_not_verified");
    expect((await told()).at(-1)).toEqual({
      type: "user.updated",
      data: { userId: ann, changed: ["email", "emailVerifiedAt"] },
    });
  });

  it.each([
    ["whoever changes it vouches for it", { email: "new@example.com", emailVerified: true }],
    ["it is the same but for its case", { email: "Ann@Example.com" }],
    ["something else is changed", { name: "Ann" }],
  ])("is as good when %s, and sessions go on", async (_, change) => {
    const ann = await userOf(acme, { emailVerified: true });
    const { token } = await logIn();
    await access.users.update(acme.slug, ann, change, { by });
    expect(await codeOf(access.logIn.session(acme, token))).toBe("done");
  });

  it("ends no session while addresses needn't be proven", async () => {
    access = accessWith(false);
    const ann = await userOf(acme);
    const { token } = await logIn();
    await access.users.update(acme.slug, ann, { email: "new@example.com" }, { by });
    expect(await codeOf(access.logIn.session(acme, token))).toBe("done");
  });

  it("leaves no session behind that was opened while it was changed", async () => {
    const ann = await userOf(acme, { emailVerified: true });
    const [opened] = await Promise.all([
      logIn().catch(() => undefined),
      access.users.update(acme.slug, ann, { email: "new@example.com" }, { by }),
    ]);
    if (opened) expect(await codeOf(access.logIn.session(acme, opened.token))).toBe("session_invalid");
    const { rows } = await sql`select 1 from sessions where tenant_id = ${acme.tenantId}`.execute(
      registry.db,
    );
    expect(rows).toEqual([]);
  });

  it("goes with users into a copy of their tenant, as proven as it was", async () => {
    await userOf(acme, { emailVerified: true });
    await userOf(acme, { email: "bob@example.com" });
    await inTransaction(registry.db, (tx) => copyUsers(tx, { from: acme.tenantId, to: other.tenantId }));
    const [ann, bob] = await access.users.list(acme.slug, { limit: 9 });
    const copies = await access.users.list(other.slug, { limit: 9 });
    const proven = (address: string) => copies.find((one) => one.email === address)?.emailVerifiedAt;
    expect(ann!.emailVerifiedAt).not.toBeNull();
    expect(proven(email)).toEqual(ann!.emailVerifiedAt);
    expect([bob!.emailVerifiedAt, proven("bob@example.com")]).toEqual([null, null]);
  });
});
