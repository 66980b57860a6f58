import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { type Composed, composedApi } from "../../testing/composed.ts";
import { fresh } from "../../testing/fresh.ts";
import { insertTestTenant, releaseTestApp, type TestTenant } from "../../testing/tenants.ts";
import { createSettings } from "../settings/index.ts";
import { settleDomains } from "./index.ts";

let composed: Composed;
let other: TestTenant;
beforeAll(async () => {
  composed = await composedApi();
  other = await insertTestTenant(composed.registry.db, composed.sitesId, "globex");
  await releaseTestApp(composed.registry.db, composed.sitesId);
  await setting({ maxTenants: 50 });
});
afterAll(() => composed?.close());

type Method = "GET" | "POST" | "PATCH" | "DELETE";

async function ask(method: Method, path: string, body?: object) {
  const reply = await composed.api.inject({
    ...{ method, url: `/v1/tenants/${path}`, headers: composed.asOperator },
    ...(body && { payload: body }),
  });
  return { status: reply.statusCode, body: reply.body === "" ? undefined : reply.json() };
}

const setting = (values: object) =>
  composed.api.inject({
    ...{ method: "PATCH", url: "/v1/settings", headers: composed.asOperator, payload: values },
  });

const add = (hostname: string, more: object = { verified: true }, tenant = "acme") =>
  ask("POST", `${tenant}/domains`, { hostname, ...more });

/** A hostname that no other test has. */
const newName = () => `www.${fresh("shop")}.com`;

async function route(hostname: string) {
  const { rows } = await sql<{ kind: string; tenantId: string; status: string }>`
    select kind, tenant_id as "tenantId", status from routes where hostname = ${hostname}
  `.execute(composed.registry.db);
  return rows[0];
}

async function eventsOf(hostname: string): Promise<string[]> {
  const { rows } = await sql<{ type: string }>`
    select type from events where data ->> 'hostname' = ${hostname} order by version, ordinal
  `.execute(composed.registry.db);
  return rows.map(({ type }) => type);
}

describe("a domain that an operator vouches for", () => {
  it("leads to its tenant at once, with an authority of its own, and is told of", async () => {
    const hostname = newName();
    const { status, body } = await add(hostname);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      id: expect.stringMatching(/^dom_/),
      ...{
        hostname,
        environment: "production",
        status: "active",
        reason: null,
        certificate: "own authority",
      },
      verification: { method: "operator", nextCheckAt: null, missingSince: null },
    });
    expect(await route(hostname)).toEqual({
      ...{ kind: "custom", tenantId: composed.tenant.tenantId, status: "active" },
    });
    expect(await eventsOf(hostname)).toEqual(["domain.added", "domain.verified"]);
    expect((await ask("GET", `acme/domains/${hostname}`)).body).toEqual(body);
    expect((await ask("GET", `acme/domains/${body.id}`)).body).toEqual(body);
    const shown = await composed.api.inject({
      url: `/v1/certificates/authority?hostname=${hostname}`,
      headers: composed.asOperator,
    });
    expect(shown.json()).toMatchObject({ rootDomain: hostname });
    expect(new X509Certificate(shown.json().certificate).ca).toBe(true);
  });

  it("is nobody else's: others are refused, by whatever way", async () => {
    const hostname = newName();
    await add(hostname, {});
    await add(hostname, {}, "globex");
    const vouched = await ask("POST", `acme/domains/${hostname}/verify`, { verified: true });
    expect(vouched).toMatchObject({ status: 200, body: { status: "active" } });
    const refused = { status: 409, body: { code: "domain_taken" } };
    expect(await ask("POST", `globex/domains/${hostname}/verify`, { verified: true })).toMatchObject(refused);
    await ask("DELETE", `globex/domains/${hostname}`);
    expect(await add(hostname, {}, "globex")).toMatchObject(refused);
    expect(await add(hostname)).toMatchObject(refused);
    expect(await route(hostname)).toMatchObject({ tenantId: composed.tenant.tenantId });
  });

  it("of two who claim it at once, one gets it", async () => {
    const hostname = newName();
    const replies = await Promise.all(
      ["acme", "globex"].map((tenant) => add(hostname, { verified: true }, tenant)),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it("leads nowhere once it is removed, and another tenant may have it", async () => {
    const hostname = newName();
    await add(hostname);
    expect((await ask("DELETE", `acme/domains/${hostname}`)).status).toBe(204);
    expect(await route(hostname)).toBeUndefined();
    expect(await ask("DELETE", `acme/domains/${hostname}`)).toMatchObject({
      ...{ status: 404, body: { code: "domain_not_found" } },
    });
    expect((await add(hostname, { verified: true }, "globex")).status).toBe(201);
    expect(await route(hostname)).toMatchObject({ tenantId: other.tenantId });
    expect(await eventsOf(hostname)).toEqual([
      ...["domain.added", "domain.verified", "domain.removed", "domain.added", "domain.verified"],
    ]);
  });
});

it("a claim leads nowhere before it is proven, says which records it takes, and may stand beside another's", async () => {
  const hostname = newName();
  const [mine, theirs] = [await add(hostname, {}), await add(hostname, {}, "globex")];
  expect([mine.status, theirs.status]).toEqual([201, 201]);
  expect(mine.body).toMatchObject({
    status: "pending",
    reason: "DNS hasn't been looked at yet.",
    certificate: null,
    records: [
      {
        ...{ purpose: "ownership", type: "TXT", name: `_tenantry-challenge.${hostname}`, ttl: 300 },
        ...{ value: expect.stringMatching(/^tenantry-verify=[0-9a-f]{32}$/), state: "unknown", found: [] },
      },
    ],
  });
  expect(theirs.body.records[0].value).not.toBe(mine.body.records[0].value);
  const second = await add(newName(), {});
  expect(second.body.records[0].value).toBe(mine.body.records[0].value);
  expect(await route(hostname)).toBeUndefined();
});

describe("a tenant that is made with domains", () => {
  const make = async (slug: string, domains: string[], settings: object = {}) => {
    const reply = await composed.api.inject({
      ...{ method: "POST", url: "/v1/tenants", headers: composed.asOperator },
      payload: { slug, name: "Made", domains, settings },
    });
    return { status: reply.statusCode, body: reply.json() };
  };

  it("has claimed them from its first moment", async () => {
    const slug = fresh("made");
    const names = [newName(), newName()].sort();
    expect(await make(slug, names)).toMatchObject({ status: 202 });
    const { body } = await ask("GET", `${slug}/domains`);
    expect(body.items).toMatchObject(names.map((hostname) => ({ hostname, status: "pending" })));
  });

  it("isn't made where one of them can't be had, which is named", async () => {
    const [slug, hostname] = [fresh("made"), newName()];
    await add(hostname);
    expect(await make(slug, [newName(), hostname])).toMatchObject({
      ...{ status: 409, body: { code: "domain_taken", errors: [{ pointer: "/domains/1" }] } },
    });
    expect(await make(slug, ["acme.localhost"])).toMatchObject({
      ...{ status: 422, body: { code: "domain_refused", errors: [{ pointer: "/domains/0" }] } },
    });
    expect(await make(slug, [newName()], { customDomains: false })).toMatchObject({
      ...{ status: 409, body: { code: "custom_domains_off", errors: [{ pointer: "/domains/0" }] } },
    });
    expect((await ask("GET", slug)).status).toBe(404);
  });
});

it("a domain in letters of any language is found by them, and by what DNS has", async () => {
  const name = `bücher-${fresh("x")}.de`;
  const { body } = await add(name, {});
  expect(body).toMatchObject({ displayName: name, hostname: expect.stringMatching(/^xn--/) });
  for (const written of [name, name.toUpperCase(), body.hostname]) {
    expect((await ask("GET", `acme/domains/${encodeURIComponent(written)}`)).body).toEqual(body);
  }
});

it("domains are listed by their names, a page at a time", async () => {
  const { slug } = await insertTestTenant(composed.registry.db, composed.sitesId, fresh("lister"));
  const [a, b, c] = ["a", "b", "c"].map((name) => `${name}.${slug}.com`);
  for (const name of [c, a, b]) await add(name!, {}, slug);
  const first = await ask("GET", `${slug}/domains?limit=2`);
  expect(first.body.items.map((one: { hostname: string }) => one.hostname)).toEqual([...[a, b]]);
  const rest = await ask("GET", `${slug}/domains?limit=2&cursor=${first.body.nextCursor}`);
  expect(rest.body).toMatchObject({ items: [{ hostname: c }], nextCursor: null });
});

it("a domain goes with its tenant, its authority too", async () => {
  const { db } = composed.registry;
  const { slug, tenantId } = await insertTestTenant(db, composed.sitesId, fresh("leaver"));
  const hostname = newName();
  await add(hostname, { verified: true }, slug);
  await sql`delete from tenants where id = ${tenantId}`.execute(db);
  const { rows } = await sql`select from certificate_authorities where root_domain = ${hostname}`.execute(db);
  expect(rows).toEqual([]);
});

describe("without the setting customDomains", () => {
  it("as the environment of a start fixes it, or below another root domain, none leads anywhere", async () => {
    const [one, other] = [newName(), newName()];
    for (const hostname of [one, other]) await add(hostname);
    const { domainParts, registry } = composed;
    const settle = (parts: Partial<typeof domainParts>) =>
      inTransaction(registry.db, (tx) => settleDomains({ ...domainParts, ...parts }, tx));
    const fixed = { customDomains: { value: false, source: "environment variable" as const } };
    try {
      await settle({ settings: createSettings(fixed) });
      expect([await route(one), await route(other)]).toEqual([undefined, undefined]);
      await settle({ rootDomain: one.replace("www.", "") });
      expect([await route(one), await route(other)]).toMatchObject([undefined, { kind: "custom" }]);
    } finally {
      await settle({});
    }
    expect([await route(one), await route(other)]).toMatchObject([{ kind: "custom" }, { kind: "custom" }]);
  });

  it("of the installation, none is added, and those that stand lead nowhere until it is on again", async () => {
    const hostname = newName();
    await add(hostname);
    await setting({ customDomains: false });
    try {
      expect(await add(newName())).toMatchObject({ status: 409, body: { code: "custom_domains_off" } });
      expect(await route(hostname)).toBeUndefined();
      expect((await ask("GET", `acme/domains/${hostname}`)).body).toMatchObject({
        ...{ status: "verified", reason: "The setting customDomains is off.", certificate: null },
      });
    } finally {
      await setting({ customDomains: null });
    }
    expect(await route(hostname)).toMatchObject({ kind: "custom" });
  });

  it("of a tenant, the same holds for it and those below it alone", async () => {
    const { db } = composed.registry;
    const parent = await insertTestTenant(db, composed.sitesId, fresh("umbrella"));
    const child = await insertTestTenant(db, composed.sitesId, fresh("branch"));
    expect((await ask("PATCH", child.slug, { parentId: parent.slug })).status).toBe(200);
    const names = { parent: newName(), child: newName(), else: newName() };
    await add(names.parent, { verified: true }, parent.slug);
    await add(names.child, { verified: true }, child.slug);
    await add(names.else);
    const routed = async () =>
      Promise.all(Object.values(names).map(async (name) => (await route(name)) !== undefined));
    await ask("PATCH", `${parent.slug}/settings`, { customDomains: false });
    expect(await routed()).toEqual([false, false, true]);
    expect(await add(newName(), {}, child.slug)).toMatchObject({ status: 409 });
    await ask("PATCH", child.slug, { parentId: null });
    expect(await routed()).toEqual([false, true, true]);
    await ask("PATCH", `${parent.slug}/settings`, { customDomains: null });
    expect(await routed()).toEqual([true, true, true]);
  });
});

it("shows what its tenant's host shows when that is suspended, and keeps it through a new slug", async () => {
  const { slug } = await insertTestTenant(composed.registry.db, composed.sitesId, fresh("before"));
  const hostname = newName();
  await add(hostname, { verified: true }, slug);
  await ask("POST", `${slug}/suspend`, { reason: "overdue" });
  expect(await route(hostname)).toMatchObject({ status: "suspended" });
  await ask("POST", `${slug}/resume`);
  await ask("PATCH", slug, { slug: `${slug}-2` });
  expect(await route(hostname)).toMatchObject({ status: "active", kind: "custom" });
  const renamed = await ask("GET", `${slug}-2`);
  expect(renamed.body.environments[0].url).toContain(`//${slug}-2.localhost`);
});

it("a tenant that is going away gets none, and an environment that isn't there neither", async () => {
  const { slug } = await insertTestTenant(composed.registry.db, composed.sitesId, fresh("going"));
  await ask("DELETE", slug);
  expect(await add(newName(), {}, slug)).toMatchObject({ status: 409, body: { code: "illegal_transition" } });
  expect(await add(newName(), { environment: "staging" })).toMatchObject({
    ...{ status: 404, body: { code: "environment_not_found" } },
  });
});
