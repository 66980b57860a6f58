import type { CredentialsReply, OperationReply } from "@tenantry/contract";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { recordingOf } from "../support/hold.ts";
import { query } from "../support/registry.ts";
import { killInsideEach, type Place, titled } from "../support/together.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();

/** A point on the way of a login of an environment at a level. */
type Case = Place & { level: string; act: "issue" | "rotate" | "revoke" };
const point = (act: Case["act"], level: string, step: string, when: string, at: Place["point"]): Case => ({
  ...{ act, level, step, when: `${act} at ${level}, ${when}`, point: at },
});

const declared: Place["point"] = {
  ...{ before: "insert", on: "resources", when: "new.physical_name ~ '^tnl_'" },
};
const present: Place["point"] = {
  ...{ before: "update", on: "resources", when: "new.physical_name ~ '^tnl_' and new.state = 'present'" },
};
const handedOver: Place["point"] = { before: "update", on: "credentials", when: "new.state = 'current'" };
const forgotten: Place["point"] = { before: "delete", on: "credentials" };
const done = "when all is done but recording it";

const together: Case[][] = [
  [
    point("issue", "database", "make", "before it is declared", declared),
    point("issue", "schema", "make", "before it is declared finished", present),
    point("issue", "shared", "make", done, recordingOf("make")),
    point("rotate", "database", "hand-over", "with two logins on the server", handedOver),
    point("revoke", "schema", "end", "before the registry forgets it", forgotten),
  ],
  [
    point("rotate", "schema", "end-previous", "before the registry forgets the one before", forgotten),
    point("rotate", "shared", "make", "before it is declared finished", present),
    point("rotate", "shared", "end-previous", done, recordingOf("end-previous")),
    point("revoke", "shared", "end", "before the registry forgets it", forgotten),
    point("revoke", "database", "end", done, recordingOf("end")),
  ],
];

const target = (slug: string) => `/v1/tenants/${slug}/environments/production/credentials`;

/** The API answers at the end of it, when nobody is there any more. */
async function begin({ act }: Case, { id, slug }: Tenant): Promise<string> {
  const [method, path] = {
    issue: ["PUT", target(slug)] as const,
    rotate: ["POST", `${target(slug)}/rotate`] as const,
    revoke: ["DELETE", target(slug)] as const,
  }[act];
  void installation.api.call(method, path).catch(() => undefined);
  const kind = `credentials.${act === "revoke" ? "revoke" : "issue"}`;
  const under = `/v1/operations?tenantId=${id}&kind=${kind}&status=running`;
  return eventually(`it has begun for ${slug}`, async () => {
    const { items } = (await installation.api.call<{ items: OperationReply[] }>("GET", under)).body;
    return items[0]?.id;
  });
}

type Tenant = { id: string; slug: string; url: string | undefined };

/** A tenant of that level, with a login unless that is about to be made. */
async function tenantFor({ act, level }: Case): Promise<Tenant> {
  const { id, slug } = await installation.api.createTenant(fresh(level), { isolation: { database: level } });
  if (act === "issue") return { id, slug, url: undefined };
  await installation.api.call("PUT", target(slug));
  return { id, slug, url: await urlOf(slug) };
}

async function urlOf(slug: string): Promise<string> {
  const { status, body } = await installation.api.call<CredentialsReply>("GET", target(slug));
  expect(status).toBe(200);
  return body.url;
}

/** As any program would come by a URL. */
async function letsIn(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select count(*) from pages");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The login works and its predecessor doesn't; one that was revoked is gone. */
async function hasEnded({ act, when }: Case, slug: string, before: string | undefined): Promise<void> {
  if (before) await eventually(`the login before ends: ${when}`, async () => !(await letsIn(before)));
  if (act === "revoke") {
    expect((await installation.api.call("GET", target(slug))).status, when).toBe(404);
    return;
  }
  const url = await urlOf(slug);
  expect(url).not.toBe(before);
  await eventually(`the login works: ${when}`, () => letsIn(url));
}

async function rolesAreThoseOfTheRegistry(): Promise<void> {
  const named = (rows: { name: string }[]) => rows.map(({ name }) => name).sort();
  const known = named(await installation.sql("select role_name as name from credentials"));
  const roles = "select rolname as name from pg_roles where rolname like 'tnl\\_%'";
  await eventually("the server has the registry's logins, and no other", async () => {
    const standing = named(await query<{ name: string }>(installation.operator.databaseUrl, roles));
    return JSON.stringify(standing) === JSON.stringify(known);
  });
}

describe("kill -9 of everything while logins are made, exchanged and ended", () => {
  it.each(together.map(titled))(
    "%s: each is there or gone as was asked, and nothing is half-made",
    async (_title, cases) => {
      const tenants = new Map<Case, Tenant>();
      for (const one of cases) tenants.set(one, await tenantFor(one));
      const all = await killInsideEach(installation, cases, (one) => begin(one, tenants.get(one)!));
      for (const { place, ended } of all) {
        const { status, error } = ended;
        expect({ status, error }, place.when).toEqual({ status: "succeeded", error: null });
        const { slug, url } = tenants.get(place)!;
        await hasEnded(place, slug, url);
      }
      await rolesAreThoseOfTheRegistry();
      await becomesWhole(installation);
    },
  );
});
