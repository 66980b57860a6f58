import type { OperationReply } from "@tenantry/contract";
import { describe, expect, it } from "vitest";
import { fresh } from "../support/fresh.ts";
import { recordingOf } from "../support/hold.ts";
import { killInside } from "../support/steps.ts";
import { killInsideEach, type Place, titled } from "../support/together.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();

const places: Place[] = [
  {
    step: "begin-purge",
    when: "before it has written anything",
    point: { before: "update", on: "tenants", when: "new.status = 'purging'" },
  },
  {
    step: "remove-database",
    when: "after a login that was given out was removed",
    point: { before: "delete", on: "resources", when: "old.physical_name ~ '^tnl_'" },
  },
  {
    step: "remove-database",
    when: "before the registry forgets it",
    point: { before: "delete", on: "databases", when: "old.state = 'removing'" },
  },
  {
    step: "remove-storage",
    when: "after the files were removed",
    point: { before: "delete", on: "resources", when: "old.kind = 'storage'" },
  },
  {
    step: "remove-cache",
    when: "before the registry forgets it",
    point: { before: "delete", on: "placements", when: "old.kind = 'cache'" },
  },
  // Last of those it is with: others wait for its locks.
  {
    step: "release-slug",
    when: "between the tenant and its hosts",
    point: { before: "delete", on: "routes" },
  },
  ...[
    "wait-for-grace",
    "begin-purge",
    "remove-database",
    "remove-storage",
    "remove-cache",
    "prove",
    "release-slug",
  ].map((step) => ({ step, when: "when all is done but recording it", point: recordingOf(step) })),
];

type Tenant = { slug: string; ids: string[] };

async function newTenant({ login = true } = {}): Promise<Tenant> {
  const slug = fresh("tenant");
  const admin = { email: `admin@${slug}.example`, password: "correct horse battery" };
  const { id, environments } = await installation.api.createTenant(slug, {
    admin,
    settings: { maxPages: 3 },
  });
  const ids = [id, environments[0]!.id];
  const credentials = `/v1/tenants/${slug}/environments/production/credentials`;
  if (login) expect(await installation.api.call("PUT", credentials)).toMatchObject({ status: 200 });
  expect(await installation.visit(slug)).toMatchObject({ status: 200 });
  expect(await traces(ids)).toEqual(expect.arrayContaining(["tenants", "settings", "users", "routes"]));
  return { slug, ids };
}

async function isGone({ slug, ids }: Tenant): Promise<void> {
  expect(await installation.visit(slug)).toMatchObject({ status: 404 });
  expect(await installation.api.call("GET", `/v1/tenants/${slug}`)).toMatchObject({ status: 404 });
  expect(await traces(ids)).toEqual([]);
}

describe("kill -9 of everything during the deletion of tenants", () => {
  it.each([places.slice(0, 6), places.slice(6)].map(titled))(
    "%s: each tenant is gone, its host is free, and nothing is left over",
    async (_title, places) => {
      const tenants = new Map<Place, Tenant>();
      for (const place of places) tenants.set(place, await newTenant());
      const all = await killInsideEach(installation, places, (place) =>
        beginDeletion(tenants.get(place)!.slug),
      );
      for (const { place, ended } of all) {
        expect(ended, place.when).toMatchObject({ status: "succeeded" });
        await isGone(tenants.get(place)!);
      }
      await becomesWhole(installation);
    },
  );

  it.each([
    { when: "before its database is closed and dropped", point: { catalog: "pg_database" } as const },
    { when: "after its database was dropped, before the role is", point: { catalog: "pg_authid" } as const },
  ])("$when: the tenant is gone, its host is free, and nothing is left over", async ({ point }) => {
    // Whoever looks after its login would stand at the same point, and the removal wait ten seconds for him.
    const tenant = await newTenant({ login: false });
    const held = { step: "remove-database", point };
    const ended = await killInside(installation, held, () => beginDeletion(tenant.slug));
    expect(ended).toMatchObject({ status: "succeeded" });
    await isGone(tenant);
    await becomesWhole(installation);
  });
});

async function beginDeletion(slug: string): Promise<string> {
  const reply = await installation.api.call<OperationReply>("DELETE", `/v1/tenants/${slug}?now=true`);
  expect(reply.status).toBe(202);
  return reply.body.id;
}

/** The tables that still name one of these, but for the history of what was done. */
async function traces(ids: readonly string[]): Promise<string[]> {
  const uuids = ids.map((id) => `%${uuidOf(id)}%`);
  const tables = await installation.sql<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'tenantry'
       and tablename not in ('operations', 'operation_steps', 'events', 'stream_tombstones', 'idempotency_keys')`,
  );
  const found = await Promise.all(
    tables.map(async ({ name }) => {
      const rows = await installation.sql(`select 1 from ${name} x where x::text like any ($1)`, [uuids]);
      return rows.length > 0 ? [name] : [];
    }),
  );
  return found.flat();
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** `tnt_…` as the registry writes it. */
function uuidOf(id: string): string {
  const digits = [...id.slice(id.indexOf("_") + 1)];
  const value = digits.reduce((sum, digit) => sum * 32n + BigInt(alphabet.indexOf(digit)), 0n);
  const hex = value.toString(16).padStart(32, "0");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
