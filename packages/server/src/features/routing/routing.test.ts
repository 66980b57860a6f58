import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { inTransaction, sql, type Tx } from "../../infra/db/index.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp, insertTestTenant, type TestTenant } from "../../testing/tenants.ts";
import {
  addSystemRoute,
  changeCustomRoutes,
  moveRootDomain,
  removeExpiredRedirects,
  renameSystemRoutes,
} from "./index.ts";

let registry: TestRegistry;
let appId: string;

beforeAll(async () => {
  registry = await testRegistry();
  appId = await insertTestApp(registry.db, "sites");
});
beforeEach(() => sql`truncate tenants, routes, stream_tombstones cascade`.execute(registry.db));
afterAll(() => registry.close());

const work = <Result>(what: (tx: Tx) => Promise<Result>) => inTransaction(registry.db, what);

async function tenantAt(slug: string, rootDomain: string): Promise<TestTenant> {
  const tenant = await insertTestTenant(registry.db, appId, slug);
  const { environmentId } = tenant;
  await work((tx) => addSystemRoute(tx, { environmentId, slug, environment: "production", rootDomain }));
  return tenant;
}

const rename = ({ tenantId, environmentId }: TestTenant, from: string, to: string, rootDomain: string) =>
  work(async (tx) => {
    await sql`update tenants set slug = ${to} where id = ${tenantId}`.execute(tx);
    const environments = [{ id: environmentId, name: "production" }];
    await renameSystemRoutes(tx, { tenantId, environments, from, to, rootDomain });
  });

async function routesOf({ tenantId }: TestTenant): Promise<Record<string, string | null>> {
  const { rows } = await sql<{ hostname: string; to: string | null }>`
    select hostname, redirect_to as to from routes where tenant_id = ${tenantId}
  `.execute(registry.db);
  return Object.fromEntries(rows.map(({ hostname, to }) => [hostname, to]));
}

async function buried(): Promise<string[]> {
  const { rows } = await sql<{ key: string }>`
    select key from stream_tombstones where stream = 'routes' order by key
  `.execute(registry.db);
  return rows.map(({ key }) => key);
}

it("another root domain takes every host and redirect with it, leaves others alone, and gateways forget the old ones", async () => {
  const acme = await tenantAt("acme", "one.test");
  await rename(acme, "acme", "acme-new", "one.test");
  const elsewhere = await tenantAt("other", "phone.test");
  await work((tx) => moveRootDomain(tx, { from: "one.test", to: "two.test" }));
  expect(await routesOf(acme)).toEqual({
    "acme.two.test": "acme-new.two.test",
    "acme-new.two.test": null,
  });
  expect(await routesOf(elsewhere)).toEqual({ "other.phone.test": null });
  expect(await buried()).toEqual(["acme-new.one.test", "acme.one.test"]);
});

it("another root domain takes the names below it from whoever had one as a domain of its own", async () => {
  const acme = await tenantAt("acme", "one.test");
  const { environmentId } = await tenantAt("globex", "one.test");
  const add = ["acme.two.test", "two.test", "www.two.test", "nottwo.test"].map((hostname) => ({
    hostname,
    environmentId,
  }));
  await work((tx) => changeCustomRoutes(tx, { add, remove: [] }));
  await work((tx) => moveRootDomain(tx, { from: "one.test", to: "two.test" }));
  expect(await routesOf(acme)).toEqual({ "acme.two.test": null });
  expect(await buried()).toEqual([
    ...["acme.one.test", "acme.two.test", "globex.one.test", "two.test", "www.two.test"],
  ]);
});

it("a host whose redirect ran out may be another tenant's, and one that nobody wants is forgotten", async () => {
  const first = await tenantAt("early", "three.test");
  await rename(first, "early", "later", "three.test");
  await rename(first, "later", "latest", "three.test");
  await sql`
    update routes set expires_at = now() - interval '1 second'
    where redirect_to is not null and tenant_id = ${first.tenantId}
  `.execute(registry.db);
  const second = await tenantAt("early", "three.test");
  expect(await routesOf(second)).toEqual({ "early.three.test": null });
  expect(await work(removeExpiredRedirects)).toBe(1);
  expect(await routesOf(first)).toEqual({ "latest.three.test": null });
  expect(await buried()).toContain("later.three.test");
});

it("however often a tenant is renamed, its old hosts lead straight to the newest", async () => {
  const tenant = await tenantAt("alpha", "four.test");
  await rename(tenant, "alpha", "beta", "four.test");
  await rename(tenant, "beta", "gamma", "four.test");
  expect(await routesOf(tenant)).toEqual({
    "alpha.four.test": "gamma.four.test",
    "beta.four.test": "gamma.four.test",
    "gamma.four.test": null,
  });
});
