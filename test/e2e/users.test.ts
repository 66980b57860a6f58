import type { TenantReply, UserReply } from "@tenantry/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { password, type SiteUser, siteUser } from "../support/site-user.ts";

let installation: Installation;
let acme: TenantReply;
let other: TenantReply;
/** Admins of one tenant each. */
let anna: SiteUser;
let otto: SiteUser;
let count = 0;

beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation?.[Symbol.asyncDispose]());

beforeEach(async () => {
  count += 1;
  [acme, other] = (await Promise.all(
    ["acme", "other"].map((name) =>
      installation.api.createTenant(`${name}-${count}`, { admin: { email: "admin@example.com", password } }),
    ),
  )) as [TenantReply, TenantReply];
  anna = siteUser(installation, acme.slug);
  otto = siteUser(installation, other.slug);
  expect(await anna.logIn("admin@example.com")).toBe(303);
  expect(await otto.logIn("admin@example.com")).toBe(303);
});

async function usersOf({ slug }: TenantReply): Promise<UserReply[]> {
  return (await installation.api.call<{ items: UserReply[] }>("GET", `/v1/tenants/${slug}/users`)).body.items;
}

async function userOf(tenant: TenantReply, email: string): Promise<UserReply> {
  return (await usersOf(tenant)).find((user) => user.email === email)!;
}

const sam = { name: "Sam", email: "sam@example.com", role: "editor", password };

async function createSam(admin = anna, tenant = acme, change: Partial<typeof sam> = {}): Promise<UserReply> {
  const reply = await admin.post("/admin/users", { ...sam, ...change });
  expect([reply.status, reply.headers.location]).toEqual([303, "/admin/users?done=user-created"]);
  return userOf(tenant, change.email ?? sam.email);
}

/** What a form for changing `user` sends. */
function formOf(
  { name, email, role }: UserReply,
  change: Record<string, string> = {},
): Record<string, string> {
  const seen = { "seen-name": name ?? "", "seen-email": email, "seen-role": role };
  return { name: name ?? "", email, role, ...seen, ...change };
}

const isLoggedIn = async (visitor: SiteUser) => (await visitor.get("/admin/account")).status === 200;

describe("a tenant's users in the hands of its admins [IAM-2]", () => {
  test("can be created, found, changed, deactivated, activated and deleted, and events tell nothing of the person", async () => {
    const user = await createSam();
    expect(user).toMatchObject({ name: "Sam", role: "editor", status: "active" });
    const found = await anna.get("/admin/users?search=SAM");
    expect(found.body).toContain(`href="/admin/users/${user.id}"`);
    expect(found.body).not.toContain("admin@example.com</a></h2>");
    const path = `/admin/users/${user.id}`;
    const change = { name: "", email: "samuel@example.com", role: "viewer" };
    expect((await anna.post(path, formOf(user, change))).headers.location).toBe(`${path}?done=user-unproven`);
    expect(await userOf(acme, "samuel@example.com")).toMatchObject({
      id: user.id,
      name: null,
      role: "viewer",
    });
    for (const [measure, status] of [
      ["deactivate", "deactivated"],
      ["activate", "active"],
    ]) {
      const reply = await anna.post(`${path}/${measure}`);
      expect(reply.headers.location).toBe(`${path}?done=user-${measure}d`);
      expect(await userOf(acme, "samuel@example.com")).toMatchObject({ status });
    }
    expect((await anna.get(`${path}/delete`)).body).toContain("Delete samuel@example.com?");
    await anna.post(`${path}/delete`);
    expect(await userOf(acme, "samuel@example.com")).toBeUndefined();
    expect((await anna.get(path)).status).toBe(404);

    const { body } = await installation.api.call<{ items: { type: string; data: object }[] }>(
      "GET",
      `/v1/events?tenantId=${acme.id}&limit=200`,
    );
    const events = body.items.filter(({ type }) => type.startsWith("tenantry.user."));
    expect(
      events.filter(({ data }) => JSON.stringify(data).includes(user.id)).map(({ type }) => type),
    ).toEqual(
      ["created", "updated", "deactivated", "activated", "deleted"].map((what) => `tenantry.user.${what}`),
    );
    expect(JSON.stringify(events)).not.toMatch(/sam|example\.com/i);
  });

  test("are neither seen nor touched by another tenant's admin", async () => {
    const user = await createSam();
    const path = `/admin/users/${user.id}`;
    expect((await otto.get("/admin/users")).body).not.toContain(sam.email);
    const tries = [
      otto.get(path),
      otto.get(`${path}/delete`),
      otto.post(path, formOf(user, { name: "Taken over", role: "admin" })),
      otto.post(`${path}/password`, { password: "taken over by otto" }),
      ...["sessions", "deactivate"].map((measure) => otto.post(`${path}/${measure}`)),
    ];
    expect(new Set((await Promise.all(tries)).map(({ status }) => status))).toEqual(new Set([404]));
    expect((await otto.post(`${path}/delete`)).headers.location).toBe("/admin/users?done=user-deleted");
    expect(await userOf(acme, sam.email)).toEqual(user);

    const stolen = siteUser(installation, other.slug);
    stolen.cookie = anna.cookie;
    expect((await stolen.get("/admin/users")).headers.location).toContain("/admin/login");
  });

  test("with one address in two tenants are two users", async () => {
    await createSam();
    await createSam(otto, other, { password: "quite another password", role: "viewer" });
    const [here, there] = [siteUser(installation, acme.slug), siteUser(installation, other.slug)];
    expect(await here.logIn(sam.email, "quite another password")).toBe(401);
    expect(await there.logIn(sam.email, password)).toBe(401);
    expect(await here.logIn(sam.email, password)).toBe(303);
    expect(await there.logIn(sam.email, "quite another password")).toBe(303);
    const path = `/admin/users/${(await userOf(acme, sam.email)).id}`;
    await anna.post(`${path}/delete`);
    expect(await userOf(other, sam.email)).toMatchObject({ role: "viewer", status: "active" });
    await eventually("the one who is gone is logged out", async () => !(await isLoggedIn(here)), 10_000);
    expect(await isLoggedIn(there)).toBe(true);
  });

  test("are logged out everywhere within ten seconds of a deactivation, an end of all sessions, a new password", async () => {
    const measures = { deactivate: 401, sessions: 303, password: 401 };
    await Promise.all(
      Object.entries(measures).map(async ([measure, again]) => {
        const email = `${measure}@example.com`;
        const user = await createSam(anna, acme, { email });
        const visitor = siteUser(installation, acme.slug);
        expect(await visitor.logIn(email)).toBe(303);
        expect(await isLoggedIn(visitor)).toBe(true);
        await anna.post(`/admin/users/${user.id}/${measure}`, { password: "a brand new password" });
        await eventually(`${measure} ends the session`, async () => !(await isLoggedIn(visitor)), 10_000);
        expect([measure, await visitor.logIn(email)]).toEqual([measure, again]);
      }),
    );
    expect(await isLoggedIn(anna)).toBe(true);
  });

  test("are none of editors' and viewers' business", async () => {
    for (const role of ["editor", "viewer"]) {
      const email = `${role}@example.com`;
      const user = await createSam(anna, acme, { email, role });
      const visitor = siteUser(installation, acme.slug);
      await visitor.logIn(email);
      expect((await visitor.get("/admin/pages")).body).not.toContain('href="/admin/users"');
      const refused = await visitor.get("/admin/users");
      expect([refused.status, refused.headers["cache-control"]]).toEqual([403, "no-store"]);
      expect(refused.body).toContain("looked after by the admins");
      const tries = [
        visitor.post("/admin/users", { ...sam, email: "more@example.com" }),
        visitor.post(`/admin/users/${user.id}`, formOf(user, { role: "admin" })),
        visitor.post(`/admin/users/${user.id}/delete`),
      ];
      expect((await Promise.all(tries)).map(({ status }) => status)).toEqual([403, 403, 403]);
      expect(await userOf(acme, email)).toEqual({ ...user, lastLoginAt: expect.any(String) });
    }
    expect(await userOf(acme, "more@example.com")).toBeUndefined();
  });

  test("can't take an admin's own rights by a form that was put together by hand", async () => {
    const self = await userOf(acme, "admin@example.com");
    const path = `/admin/users/${self.id}`;
    const replies = [
      await anna.post(path, formOf(self, { role: "viewer" })),
      await anna.post(`${path}/deactivate`),
      await anna.post(`${path}/password`, { password: "a brand new password" }),
      await anna.post(`${path}/delete`),
    ];
    expect(replies.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    expect(await userOf(acme, "admin@example.com")).toEqual(self);
  });

  test("keep one admin when two deactivate each other at the same moment, and neither sees a failure of ours", async () => {
    const boss = { ...sam, role: "admin" };
    const bob = siteUser(installation, acme.slug);
    const him = await createSam(anna, acme, boss);
    const her = await userOf(acme, "admin@example.com");
    expect(await bob.logIn(sam.email)).toBe(303);
    expect((await bob.get("/admin/users")).status).toBe(200);
    const replies = await Promise.all([
      anna.post(`/admin/users/${him.id}/deactivate`),
      bob.post(`/admin/users/${her.id}/deactivate`),
    ]);
    const done = replies.filter(({ headers }) => headers.location?.includes("done=") === true);
    expect(done).toHaveLength(1);
    // The other one is refused, or logged out already.
    const late = replies.find((reply) => !done.includes(reply))!;
    expect([303, 403, 409]).toContain(late.status);
    expect(late.headers["content-type"] ?? "text/html").toMatch(/^text\/html/);
    const active = (await usersOf(acme)).filter(({ status }) => status === "active");
    expect(active).toHaveLength(1);
  });

  test("aren't changed by a form that another site sent", async () => {
    const foreign = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };
    expect((await anna.post("/admin/users", sam, foreign)).status).toBe(403);
    const own = { currentPassword: password, password: "a brand new password" };
    expect((await anna.post("/admin/account/password", own, foreign)).status).toBe(403);
    expect(await usersOf(acme)).toHaveLength(1);
  });

  test("are as many as there may be, and one more is refused kindly, with what was typed", async () => {
    await installation.api.call("PATCH", `/v1/tenants/${acme.slug}/settings`, { maxUsers: 2 });
    await createSam();
    const refused = await anna.post("/admin/users", { ...sam, email: "third@example.com", name: "Third" });
    expect(refused.status).toBe(409);
    expect(refused.body).toContain('value="third@example.com"');
    expect(refused.body).not.toContain(password);
    await eventually("the site knows its limit", async () => {
      const { body } = await anna.get("/admin/users");
      return body.includes("All 2 users that this site may have are there.") && !body.includes("/users/new");
    });
  });

  test("don't lose what another admin changed while a form was open", async () => {
    const user = await createSam();
    const path = `/admin/users/${user.id}`;
    await anna.post(path, formOf(user, { role: "viewer" }));
    await anna.post(path, formOf(user, { name: "Samantha" }));
    expect(await userOf(acme, sam.email)).toMatchObject({ name: "Samantha", role: "viewer" });
  });

  test("come back in the form of whoever was logged out while typing, but for the password", async () => {
    await anna.post("/admin/logout");
    const reply = await anna.post("/admin/users", sam);
    expect(reply.status).toBe(401);
    expect(reply.body).toContain("You were logged out, and nothing was saved yet");
    expect(reply.body).toContain('value="sam@example.com"');
    expect(reply.body).not.toContain(password);
    expect((await anna.get("/admin/users")).headers.location).toBe("/admin/login?next=%2Fadmin%2Fusers");
  });

  test("are listed part by part, each once", async () => {
    await installation.api.call("PATCH", `/v1/tenants/${acme.slug}/settings`, { maxUsers: 60 });
    const emails = Array.from({ length: 52 }, (_, index) => `user${index}@example.com`);
    for (const email of emails) {
      await installation.api.call("POST", `/v1/tenants/${acme.slug}/users`, { email });
    }
    const seen: string[] = [];
    let path: string | undefined = "/admin/users?search=user";
    while (path !== undefined) {
      const { body } = await anna.get(path);
      seen.push(...[...body.matchAll(/<h2><a [^>]*>([^<]+)</g)].map(([, name]) => name!));
      path = /href="([^"]+)">More</.exec(body)?.[1]?.replaceAll("&amp;", "&");
    }
    expect(seen).toEqual(emails);
    expect((await anna.get("/admin/users?after=nonsense")).headers.location).toBe("/admin/users");
  });
});

describe("an address that must be confirmed [REG-7]", () => {
  /** Sam, who isn't believed; the link that his admin made for him; somebody who has it. */
  async function unproven() {
    const user = await createUnproven();
    const token = await linkFor(user);
    return { user, token, visitor: siteUser(installation, acme.slug) };
  }

  async function createUnproven(): Promise<UserReply> {
    const reply = await anna.post("/admin/users", { ...sam, "must-prove": "yes" });
    const user = await userOf(acme, sam.email);
    expect(reply.headers.location).toBe(`/admin/users/${user.id}?done=user-created-unproven`);
    return user;
  }

  async function linkFor({ id }: UserReply): Promise<string> {
    const { body } = await anna.post(`/admin/users/${id}/link`);
    const link = /value="(http:[^"]+\/verify-email\?token=[\w-]{43})"/.exec(body)![1]!;
    expect(new URL(link).host).toBe(`${acme.slug}.localhost:${installation.gatewayPort}`);
    return new URL(link).searchParams.get("token")!;
  }

  test("keeps its user out until they press the button behind their link; looking at the page does nothing", async () => {
    const { user, token, visitor } = await unproven();
    const refused = await visitor.post("/admin/login", { email: sam.email, password });
    expect(refused.status).toBe(403);
    expect(refused.body).toContain("Confirm your e-mail address first");
    expect(refused.headers["set-cookie"]).toBeUndefined();
    expect(await visitor.logIn(sam.email, "a wrong password")).toBe(401);

    const page = await visitor.get(`/verify-email?token=${token}`);
    expect([page.status, page.headers["cache-control"], page.headers["referrer-policy"]]).toEqual([
      ...[200, "no-store", "same-origin"],
    ]);
    expect((await userOf(acme, sam.email)).emailVerifiedAt).toBeNull();
    const done = await visitor.post("/verify-email", { token });
    expect([done.status, done.headers.location]).toEqual([303, "/admin/login?done=email-verified"]);
    expect(await visitor.logIn(sam.email)).toBe(303);
    expect((await userOf(acme, sam.email)).emailVerifiedAt).toMatch(/^20\d\d-/);
    expect(user.emailVerifiedAt).toBeNull();
  });

  test("is confirmed once by two who press at the same time, and both are told so", async () => {
    const { user, token, visitor } = await unproven();
    const replies = await Promise.all(
      Array.from({ length: 6 }, () => visitor.post("/verify-email", { token })),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 303));
    const { body } = await installation.api.call<{ items: { data: { userId?: string } }[] }>(
      "GET",
      `/v1/events?tenantId=${acme.id}&type=tenantry.user.email-verified&limit=200`,
    );
    expect(body.items.filter(({ data }) => data.userId === user.id)).toHaveLength(1);
  });

  test("isn't confirmed on another tenant's host, which is told to the tenant whose link it is [ISO-11]", async () => {
    const { user, token } = await unproven();
    const there = siteUser(installation, other.slug);
    expect((await there.post("/verify-email", { token })).status).toBe(422);
    expect((await userOf(acme, sam.email)).emailVerifiedAt).toBeNull();
    const { body } = await installation.api.call<{ items: object[] }>(
      "GET",
      `/v1/events?tenantId=${acme.id}&type=tenantry.verification.used-elsewhere&limit=200`,
    );
    expect(body.items).toMatchObject([
      { data: { userId: user.id, environmentId: other.environments[0]!.id } },
    ]);
    const taken = await otto.post(`/admin/users/${user.id}/link`);
    expect([taken.status, (await otto.post(`/admin/users/${user.id}/confirm`)).status]).toEqual([404, 404]);
  });

  test("is confirmed by nothing that somebody makes up, and by no link that a newer one replaced", async () => {
    const { user, token, visitor } = await unproven();
    const newer = await linkFor(user);
    const made = [
      "",
      "x",
      token.slice(1),
      `${token}x`,
      "'; drop table users; --",
      "\0".repeat(43),
      "<script>",
    ];
    for (const one of [...made, token, "x".repeat(43)]) {
      const reply = await visitor.post("/verify-email", { token: one });
      expect([reply.status, reply.headers["content-type"]]).toEqual([422, "text/html; charset=UTF-8"]);
      expect(reply.body).not.toContain("<script>");
    }
    expect((await visitor.get("/verify-email")).status).toBe(422);
    expect((await visitor.post("/verify-email", { token: "x".repeat(50_000) })).status).toBe(413);
    expect((await visitor.post("/verify-email", { token: newer })).status).toBe(303);
  });

  test("is asked for again when it is another one, which logs its user out; an admin or an operator may vouch for it", async () => {
    const user = await createSam();
    const path = `/admin/users/${user.id}`;
    const visitor = siteUser(installation, acme.slug);
    await visitor.logIn(sam.email);
    const moved = await anna.post(path, formOf(user, { email: "samuel@example.com" }));
    expect(moved.headers.location).toBe(`${path}?done=user-unproven`);
    await eventually("the session has ended", async () => !(await isLoggedIn(visitor)), 10_000);
    expect(await visitor.logIn("samuel@example.com")).toBe(403);
    await anna.post(`${path}/confirm`);
    expect(await visitor.logIn("samuel@example.com")).toBe(303);

    await anna.post(path, formOf({ ...user, email: "samuel@example.com" }, { email: sam.email }));
    const { stdout } = await installation.command(["user", "verification-link", acme.slug, sam.email]);
    expect(stdout).toContain(`http://${acme.slug}.localhost:${installation.gatewayPort}/verify-email?token=`);
    await installation.command(["user", "verify", acme.slug, "SAM@example.com"]);
    expect(await visitor.logIn(sam.email)).toBe(303);
  });

  test("locks no admin out who changes their own", async () => {
    const self = await userOf(acme, "admin@example.com");
    const reply = await anna.post(`/admin/users/${self.id}`, formOf(self, { email: "anna@example.com" }));
    expect(reply.headers.location).toBe(`/admin/users/${self.id}?done=user-saved`);
    expect(await isLoggedIn(anna)).toBe(true);
    expect(await siteUser(installation, acme.slug).logIn("anna@example.com")).toBe(303);
  });

  test("isn't asked for while the setting is off, and is again, of whoever is logged in, when it is on", async () => {
    const user = await createUnproven();
    const visitor = siteUser(installation, acme.slug);
    const required = (value: boolean) =>
      installation.api.call("PATCH", "/v1/settings", { requireEmailVerification: value });
    try {
      await required(false);
      expect(await visitor.logIn(sam.email)).toBe(303);
      expect(await isLoggedIn(visitor)).toBe(true);
      expect(user.emailVerifiedAt).toBeNull();
    } finally {
      await required(true);
    }
    await eventually("the session has ended", async () => !(await isLoggedIn(visitor)), 10_000);
    expect(await visitor.logIn(sam.email)).toBe(403);
  });
});

describe("one's own password [IAM-3]", () => {
  test("is changed by whoever knows the present one, viewers too, and ends the other sessions alone", async () => {
    await createSam(anna, acme, { role: "viewer" });
    const [here, elsewhere] = [siteUser(installation, acme.slug), siteUser(installation, acme.slug)];
    await here.logIn(sam.email);
    await elsewhere.logIn(sam.email);
    expect(await isLoggedIn(elsewhere)).toBe(true);
    const change = { currentPassword: password, password: "a brand new password" };

    const wrong = await here.post("/admin/account/password", { ...change, currentPassword: "guessed" });
    expect(wrong.status).toBe(422);
    expect(wrong.body).toContain("This isn’t your present password.");
    for (const [weak, message] of [
      ["short", "needs at least 10"],
      ["sam@example.com", "The password is the e-mail address."],
      [password, "This is your password already"],
    ]) {
      const refused = await here.post("/admin/account/password", { ...change, password: weak! });
      expect(refused.status).toBe(422);
      expect(refused.body).toContain(message);
    }
    expect(await isLoggedIn(elsewhere)).toBe(true);

    const changed = await here.post("/admin/account/password", change);
    expect(changed.headers.location).toBe("/admin/account?done=password-changed");
    expect(await isLoggedIn(here)).toBe(true);
    await eventually("the other session has ended", async () => !(await isLoggedIn(elsewhere)), 10_000);
    expect(await elsewhere.logIn(sam.email)).toBe(401);
    expect(await elsewhere.logIn(sam.email, "a brand new password")).toBe(303);
  });

  test("can't be guessed by whoever found an open session", async () => {
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const change = { currentPassword: `guess ${attempt}`, password: "a brand new password" };
      const { status, headers } = await anna.post("/admin/account/password", change);
      statuses.push(status);
      if (status === 429) expect(Number(headers["retry-after"])).toBeGreaterThan(0);
    }
    expect(statuses[0]).toBe(422);
    expect(statuses.at(-1)).toBe(429);
  });
});
