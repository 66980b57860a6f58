import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { showId, systemClock } from "../../kernel/index.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp, insertTestTenant, type TestTenant } from "../../testing/tenants.ts";
import { createSettings } from "../settings/index.ts";
import { createLogIn, createUsers, type LogIn, type Users } from "./index.ts";

const password = "correct horse battery";
/** As the tenant's own admins do it. */
const asAdmin = { by: "user:test", keepsAnAdmin: true };
let registry: TestRegistry;
let users: Users;
let access: LogIn;
let appId: string;
let tenant: TestTenant;
let count = 0;

beforeAll(async () => {
  registry = await testRegistry();
  const { db } = registry;
  appId = await insertTestApp(db, "sites");
  users = createUsers({ db, log: silentLog, settings: createSettings({}) });
  access = createLogIn({ db, log: silentLog, clock: systemClock, settings: createSettings({}) });
});
afterAll(() => registry.close());
beforeEach(async () => {
  count += 1;
  tenant = await insertTestTenant(registry.db, appId, `acme-${count}`);
});

async function addUser(name: string, role: "admin" | "editor", withPassword = true): Promise<string> {
  const user = { email: `${name}@example.com`, name, role, ...(withPassword && { password }) };
  return showId("usr", (await users.create(tenant.slug, user, "test")).id);
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error: { code: string }) => error.code,
  );

describe("the last active admin of a tenant [IAM-2]", () => {
  const endings: [string, (id: string, manner: typeof asAdmin) => Promise<unknown>][] = [
    ["deactivated", (id, manner) => users.update(tenant.slug, id, { status: "deactivated" }, manner)],
    ["demoted", (id, manner) => users.update(tenant.slug, id, { role: "editor" }, manner)],
    ["deleted", (id, manner) => users.remove(tenant.slug, id, manner)],
  ];

  it.each(endings)("can't be %s, whoever else there is", async (_, end) => {
    const last = await addUser("ann", "admin");
    await addUser("eve", "editor");
    await addUser("no-password", "admin", false);
    const former = await addUser("former", "admin");
    await users.update(tenant.slug, former, { status: "deactivated" }, asAdmin);
    expect(await codeOf(end(last, asAdmin))).toBe("last_admin");
    expect(await users.show(tenant.slug, last)).toMatchObject({ role: "admin", status: "active" });
  });

  it.each(endings)("can be %s by an operator, who can make a new one", async (_, end) => {
    const last = await addUser("ann", "admin");
    expect(await codeOf(end(last, { ...asAdmin, keepsAnAdmin: false }))).toBe("done");
  });

  it.each(endings)("stays when all admins are %s at the same time", async (_, end) => {
    const admins = [await addUser("a", "admin"), await addUser("b", "admin"), await addUser("c", "admin")];
    const codes = await Promise.all(admins.map((id) => codeOf(end(id, asAdmin))));
    expect(codes.sort()).toEqual(["done", "done", "last_admin"]);
  });

  it("may change everything else about themself, and makes room by making another admin", async () => {
    const ann = await addUser("ann", "admin");
    const eve = await addUser("eve", "editor");
    const email = "ann2@example.com";
    expect(await codeOf(users.update(tenant.slug, ann, { email }, asAdmin))).toBe("last_admin");
    const change = { name: "Ann", email, emailVerified: true, password };
    await users.update(tenant.slug, ann, change, asAdmin);
    await users.update(tenant.slug, eve, { role: "admin" }, asAdmin);
    expect(await codeOf(users.remove(tenant.slug, ann, asAdmin))).toBe("done");
  });
});

describe("events of users [IAM-2]", () => {
  async function told(): Promise<{ type: string; data: Record<string, unknown> }[]> {
    const { rows } = await sql<{ type: string; data: Record<string, unknown> }>`
      select type, data from events where tenant_id = ${tenant.tenantId} order by version, ordinal
    `.execute(registry.db);
    return rows;
  }

  it("tell what happened in order, with the user's id and nothing else of the person", async () => {
    const id = await addUser("ann", "admin");
    const change = (request: Parameters<Users["update"]>[2]) =>
      users.update(tenant.slug, id, request, { by: "test" });
    await change({ name: "Ann Droid", email: "droid@example.com" });
    await change({ emailVerified: true });
    await change({ role: "viewer", password: "another horse battery" });
    await access.logIn(
      { ...tenant, appId },
      { email: "droid@example.com", password: "another horse battery" },
    );
    await users.endSessions(tenant.slug, id, "test");
    await change({ status: "deactivated" });
    await change({ status: "active" });
    await users.remove(tenant.slug, id, { by: "test" });
    expect(await told()).toEqual([
      { type: "user.created", data: { userId: id } },
      { type: "user.updated", data: { userId: id, changed: ["email", "name", "emailVerifiedAt"] } },
      { type: "user.email-verified", data: { userId: id } },
      { type: "user.updated", data: { userId: id, changed: ["role", "password"] } },
      { type: "user.sessions-ended", data: { userId: id } },
      { type: "user.deactivated", data: { userId: id } },
      { type: "user.activated", data: { userId: id } },
      { type: "user.deleted", data: { userId: id } },
    ]);
    expect(JSON.stringify(await told())).not.toMatch(/ann|droid|example/i);
  });

  it("tell nothing when nothing is different, or what was asked is refused", async () => {
    const id = await addUser("ann", "admin");
    await addUser("eve", "editor");
    const before = await told();
    await users.update(tenant.slug, id, { name: "ann", role: "admin", status: "active" }, asAdmin);
    await users.endSessions(tenant.slug, id, "test");
    const taken = users.update(tenant.slug, id, { email: "EVE@example.com", emailVerified: true }, asAdmin);
    expect(await codeOf(taken)).toBe("email_taken");
    expect(await codeOf(users.remove(tenant.slug, id, asAdmin))).toBe("last_admin");
    expect(await codeOf(addUser("eve", "editor"))).toBe("email_taken");
    expect(await told()).toEqual(before);
  });
});
