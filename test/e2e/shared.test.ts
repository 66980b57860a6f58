import { afterAll, beforeAll, expect, it } from "vitest";
import { fresh } from "../support/fresh.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { databaseUrl, query } from "../support/registry.ts";
import { password, siteUser } from "../support/site-user.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation?.[Symbol.asyncDispose]());

type Site = { slug: string; database: string };

/** A tenant at a level, whose admin has published a home page that bears its name, at the address that all choose. */
async function site(level: string): Promise<Site> {
  const slug = fresh(level);
  const admin = { email: `admin@${slug}.example`, password };
  const tenant = await installation.api.createTenant(slug, { admin, isolation: { database: level } });
  const { database } = tenant.environments[0]!.placements;
  expect(database).toMatchObject({ level });
  const user = siteUser(installation, slug);
  expect(await user.logIn(admin.email)).toBe(303);
  const page = {
    title: `Home of ${slug}`,
    slug: "home",
    body: `Only ${slug} says this.`,
    intent: "publish",
  };
  const saved = await user.post("/admin/pages", page);
  expect([saved.status, saved.body]).toEqual([303, expect.anything()]);
  return { slug, database: (database as { name: string }).name };
}

it("tenants that share a database show a working site each, beside one with a database of its own", async () => {
  const [first, second, own] = await Promise.all([site("shared"), site("shared"), site("database")]);
  expect(second.database).toBe(first.database);
  expect(own.database).not.toBe(first.database);
  for (const { slug } of [first, second, own]) {
    const { status, body } = await installation.visit(slug);
    expect(status).toBe(200);
    expect(body).toContain(`Only ${slug} says this.`);
    for (const other of [first, second, own]) {
      if (other.slug !== slug) expect(body).not.toContain(other.slug);
    }
  }
  const rows = await query(
    databaseUrl(installation.operator.databaseUrl, first.database),
    `select count(*)::int as pages, count(distinct tenantry_environment)::int as environments from public.pages
     where slug = 'home' and title in ('Home of ${first.slug}', 'Home of ${second.slug}')`,
  );
  expect(rows).toEqual([{ pages: 2, environments: 2 }]);
});

it("a tenant that leaves a shared database leaves no row there, and its neighbour doesn't notice", async () => {
  const [leaving, staying] = await Promise.all([site("shared"), site("shared")]);
  const url = databaseUrl(installation.operator.databaseUrl, leaving.database);
  const titles = async () =>
    (await query<{ title: string }>(url, "select title from public.pages")).map(({ title }) => title);
  expect(await titles()).toContain(`Home of ${leaving.slug}`);
  const { body } = await installation.api.call<{ id: string }>(
    "DELETE",
    `/v1/tenants/${leaving.slug}?now=true`,
  );
  expect(await installation.api.ended(body.id)).toMatchObject({ status: "succeeded" });
  expect(await titles()).not.toContain(`Home of ${leaving.slug}`);
  expect(await titles()).toContain(`Home of ${staying.slug}`);
  expect((await installation.visit(staying.slug)).body).toContain(staying.slug);
});
