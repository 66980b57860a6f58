import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createEvents } from "../features/events/index.ts";
import { createSettings } from "../features/settings/index.ts";
import { createVersionWatch, inTransaction, sql, streamVersion } from "../infra/db/index.ts";
import { recordEvent } from "../infra/events/index.ts";
import { silentLog } from "../infra/log/index.ts";
import { type TestRegistry, testRegistry } from "../testing/registry.ts";
import { insertTestApp, insertTestTenant, type TestTenant } from "../testing/tenants.ts";
import { removeExpired } from "./retention.ts";

let registry: TestRegistry;
let tenant: TestTenant;
beforeAll(async () => {
  registry = await testRegistry();
  tenant = await insertTestTenant(registry.db, await insertTestApp(registry.db, "sites"), "acme");
});
afterAll(async () => registry.close());
beforeEach(async () => {
  await sql`
    truncate events, stream_tombstones, operations, sessions, login_attempts, idempotency_keys, resources, settings
    cascade
  `.execute(registry.db);
});

const never = new AbortController().signal;
const remove = (signal = never) =>
  removeExpired({ db: registry.db, log: silentLog, settings: createSettings({}) }, signal);

/** The values of a column, sorted. */
async function column(table: string, name: string): Promise<unknown[]> {
  const { rows } = await sql<{ value: unknown }>`
    select ${sql.ref(name)} as value from ${sql.table(table)} order by 1
  `.execute(registry.db);
  return rows.map(({ value }) => value);
}

async function addEvent(slug: string, days: number): Promise<void> {
  const { db } = registry;
  await inTransaction(db, (tx) => recordEvent(tx, { name: "tenant.activated", data: { slug } }));
  const age = sql`now() - ${days} * interval '1 day'`;
  await sql`update events set occurred_at = ${age} where data ->> 'slug' = ${slug}`.execute(db);
}

async function addOperation(
  kind: string,
  more: { status?: string; days?: number; internal?: boolean },
): Promise<string> {
  const { status = "succeeded", days, internal = false } = more;
  const endedAt = days === undefined ? sql`null` : sql`now() - ${days} * interval '1 day'`;
  const { rows } = await sql<{ id: string }>`
    insert into operations (id, kind, definition_version, status, internal, created_at, ended_at)
    values (gen_random_uuid(), ${kind}, 1, ${status}, ${internal}, now() - interval '1 year', ${endedAt}) returning id
  `.execute(registry.db);
  const { id } = rows[0]!;
  await sql`
    insert into operation_steps (operation_id, ordinal, name, title, status) values (${id}, 0, ${kind}, 'One', 'done')
  `.execute(registry.db);
  return id;
}

describe("what is kept for a time", () => {
  it("goes after it: events after 30 days, and whoever hasn't read them is told", async () => {
    const { db, notifications } = registry;
    const versions = createVersionWatch({ db, notifications, log: silentLog, stream: "events" });
    const events = createEvents({ db, versions, source: "urn:uuid:1" });
    const before = await events.now();
    await addEvent("old", 31);
    await addEvent("young", 29);
    // Began earlier, and was committed later: it follows a younger one, and leaves no gap.
    await addEvent("late", 32);
    await remove();
    expect(await column("events", "data")).toEqual([{ slug: "late" }, { slug: "young" }]);
    await expect(events.read({}, { cursor: before, limit: 9 })).rejects.toMatchObject({
      code: "cursor_expired",
    });
    expect((await events.read({}, { cursor: undefined, limit: 9 })).items).toHaveLength(2);
  });

  it("goes after as many days as the settings say", async () => {
    await addEvent("old", 6);
    await addOperation("test.old", { days: 6 });
    await remove();
    expect([await column("events", "data"), await column("operations", "kind")]).toEqual([
      [{ slug: "old" }],
      ["test.old"],
    ]);
    await sql`
      insert into settings (scope, key, value) values
        ('platform', 'eventRetentionDays', '5'), ('platform', 'operationRetentionDays', '5')
    `.execute(registry.db);
    await remove();
    expect([await column("events", "data"), await column("operations", "kind")]).toEqual([[], []]);
  });

  it("leaves a mark where tombstones went, so that followers further behind begin anew", async () => {
    const { db } = registry;
    const first = (await streamVersion(db, "runtime")) + 1;
    await sql`update stream_versions set version = version + 3 where stream = 'runtime'`.execute(db);
    await sql`
      insert into stream_tombstones (stream, version, key, created_at) values
        ('runtime', ${first}, 'a', now() - interval '40 days'), ('runtime', ${first}, 'b', now() - interval '40 days'),
        ('runtime', ${first + 1}, 'c', now() - interval '2 days'), ('runtime', ${first + 2}, 'd', now() - interval '40 days'),
        ('routes', ${first}, 'e', now() - interval '2 days')
    `.execute(db);
    await remove();
    expect(await column("stream_tombstones", "key")).toEqual(["c", "d", "e"]);
    const { rows } = await sql`
      select stream, forgotten_version as forgotten from stream_versions order by stream
    `.execute(db);
    expect(rows).toEqual([
      { stream: "events", forgotten: 0 },
      { stream: "routes", forgotten: 0 },
      { stream: "runtime", forgotten: first },
    ]);
  });

  it("goes after it: operations after 90 days, those that the platform made for itself after one, with their steps", async () => {
    await addOperation("test.old", { days: 91 });
    await addOperation("test.failed", { days: 91, status: "failed" });
    await addOperation("test.young", { days: 89 });
    await addOperation("test.spare", { days: 2, internal: true });
    await addOperation("test.fresh", { days: 0.5, internal: true });
    await addOperation("test.waiting", { status: "waiting" });
    await addOperation("test.stuck", { status: "needs_operator", internal: true });
    await remove();
    const kept = ["test.fresh", "test.stuck", "test.waiting", "test.young"];
    expect(await column("operations", "kind")).toEqual(kept);
    expect(await column("operation_steps", "name")).toEqual(kept);
  });

  it("stays while a sweep still needs it", async () => {
    for (const state of ["creating", "removing", "present"]) {
      const id = await addOperation(`test.${state}`, { days: 91, status: "failed" });
      await sql`
        insert into resources (id, kind, driver, physical_name, state, operation_id, fence)
        values (gen_random_uuid(), 'database', 'database', ${state}, ${state}, ${id}, 1)
      `.execute(registry.db);
    }
    await remove();
    expect(await column("operations", "kind")).toEqual(["test.creating", "test.removing"]);
  });

  it("goes after it: proofs of addresses that ran out, and registrations that nobody completed in a week", async () => {
    const { db } = registry;
    await sql`truncate users cascade`.execute(db);
    for (const [name, age, selfRegistered] of [
      ["old", "8 days", true],
      ["young", "6 days", true],
      ["invited", "8 days", false],
    ] as const) {
      await sql`
        with made as (
          insert into users (id, tenant_id, email, role, created_at, email_verified_at, self_registered)
          values (gen_random_uuid(), ${tenant.tenantId}, ${name}, 'viewer', now() - ${age}::interval, null,
            ${selfRegistered})
          returning id
        )
        insert into email_verifications (user_id, tenant_id, email, token_hash, created_at, expires_at)
        select id, ${tenant.tenantId}, ${name}, ${Buffer.from(name)}, now(),
          now() + case when ${name} = 'invited' then '1 hour' else '-1 second' end::interval from made
      `.execute(db);
    }
    await remove();
    expect((await column("users", "email")).sort()).toEqual(["invited", "young"]);
    expect(await column("email_verifications", "email")).toEqual(["invited"]);
  });

  it("goes after it: sessions that ended, day-old attempts to log in and day-old idempotency keys", async () => {
    const { db } = registry;
    for (const table of ["users", "sessions", "login_attempts", "idempotency_keys"])
      await sql`truncate ${sql.table(table)} cascade`.execute(db);
    const { rows } = await sql<{ id: string }>`
      insert into users (id, tenant_id, email, role) values (gen_random_uuid(), ${tenant.tenantId}, 'a@example.com', 'admin')
      returning id
    `.execute(db);
    for (const [name, age] of [
      ["old", "25 hours"],
      ["young", "23 hours"],
    ] as const) {
      const at = sql`now() - ${age}::interval`;
      await sql`
        insert into sessions (id, token_hash, user_id, tenant_id, environment_id, expires_at, address)
        values (gen_random_uuid(), ${Buffer.from(name)}, ${rows[0]!.id}, ${tenant.tenantId}, ${tenant.environmentId},
          ${at} + interval '24 hours', ${name})
      `.execute(db);
      await sql`insert into login_attempts (key, failures, updated_at) values (${name}, 1, ${at})`.execute(
        db,
      );
      await sql`
        insert into idempotency_keys (principal, key, request_hash, created_at) values ('x', ${name}, 'x', ${at})
      `.execute(db);
    }
    await remove();
    expect(await column("sessions", "address")).toEqual(["young"]);
    expect(await column("login_attempts", "key")).toEqual(["young"]);
    expect(await column("idempotency_keys", "key")).toEqual(["young"]);
  });

  it("goes in batches, however much it is, and stops when the node does", async () => {
    const { db } = registry;
    await sql`
      insert into login_attempts (key, failures, updated_at)
      select 'k' || n, 1, now() - interval '2 days' from generate_series(1, 2500) n
    `.execute(db);
    const stop = new AbortController();
    stop.abort();
    await remove(stop.signal);
    expect(await column("login_attempts", "key")).toHaveLength(2_500);
    await remove();
    expect(await column("login_attempts", "key")).toEqual([]);
  });
});
