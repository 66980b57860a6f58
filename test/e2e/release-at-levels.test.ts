import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { OperationReply } from "@tenantry/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fresh } from "../support/fresh.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { password, siteUser } from "../support/site-user.ts";
import { becomesWhole } from "../support/whole.ts";

const workspace = fileURLToPath(new URL("../../", import.meta.url));
const levels = ["shared", "shared", "schema", "database", "sqlite"] as const;
let installation: Installation;
let slugs: string[];

beforeAll(async () => {
  installation = await startInstallation();
  slugs = await Promise.all(levels.map(site));
});
afterAll(() => installation?.[Symbol.asyncDispose]());

/** A tenant at a level, whose admin has published a home page that bears its name. */
async function site(level: string): Promise<string> {
  const slug = fresh(level);
  const admin = { email: `admin@${slug}.example`, password };
  const tenant = await installation.api.createTenant(slug, { admin, isolation: { database: level } });
  expect(tenant.environments[0]!.placements.database).toMatchObject({ level });
  const user = siteUser(installation, slug);
  expect(await user.logIn(admin.email)).toBe(303);
  const page = {
    title: `Home of ${slug}`,
    slug: "home",
    body: `Only ${slug} says this.`,
    intent: "publish",
  };
  expect((await user.post("/admin/pages", page)).status).toBe(303);
  return slug;
}

/** Begins a release of Sites with later migrations; answers its operation. */
async function release(...later: string[]): Promise<string> {
  const first = "0001_pages_and_media.sql";
  const files = [await readFile(`${workspace}apps/sites/migrations/${first}`, "utf8"), ...later];
  const migrations = files.map((sql, index) => ({ name: index === 0 ? first : `000${index + 1}.sql`, sql }));
  const reply = await installation.api.call<OperationReply>("POST", "/v1/apps/sites/releases", {
    ...{ command: "node apps/sites/src/main.ts", workingDirectory: workspace, variables: {} },
    ...{ healthPath: "/health", migrations },
  });
  expect(reply.status).toBe(202);
  return reply.body.id;
}

/** Whether each site says its own, and nobody else's. */
async function sayTheirOwn(): Promise<string[]> {
  return Promise.all(
    slugs.map(async (slug) => {
      const { status, body } = await installation.visit(slug);
      expect({ slug, status }).toEqual({ slug, status: 200 });
      expect(body).toContain(`Only ${slug} says this.`);
      for (const other of slugs) if (other !== slug) expect(body).not.toContain(other);
      return body;
    }),
  );
}

const second = `
  alter table pages add column stars int not null default 3;
  create table visits (id bigserial primary key, page_id uuid not null references pages on delete cascade);
  insert into visits (page_id) select id from pages;
  update pages set body = body || ' Seen ' || (select count(*) from visits) || ' times.' where slug = 'home';`;

it("a release with migrations reaches tenants of every level; each site answers rightly before, during and after", async () => {
  for (const body of await sayTheirOwn()) expect(body).not.toContain("Seen");
  const id = await release(second);
  let rounds = 0;
  const ended = installation.api.ended(id).then((operation) => operation);
  let over = false;
  void ended.finally(() => {
    over = true;
  });
  while (!over) {
    await sayTheirOwn();
    rounds += 1;
  }
  expect(await ended).toMatchObject({ status: "succeeded" });
  expect(rounds).toBeGreaterThan(1);
  for (const body of await sayTheirOwn()) expect(body).toMatch(/Seen \d+ times\./);
  const versions = await installation.sql(
    "select distinct level, schema_version as version from databases where state = 'in_use' order by level",
  );
  expect(versions).toEqual(
    ["database", "schema", "shared", "sqlite"].map((level) => ({ level, version: 2 })),
  );
  await becomesWhole(installation);
});

it("a release that takes from the shared database what the running one reads is refused by file and line, and touches nobody", async () => {
  const before = await installation.sql<{ files: number }>(
    "select count(*)::int as files from app_migrations m join apps a on a.id = m.app_id where a.slug = 'sites'",
  );
  const operation = await installation.api.ended(
    await release(second, "select 1;\nalter table pages drop column title;"),
  );
  expect(operation).toMatchObject({
    status: "failed",
    error: {
      code: "isolation_unavailable",
      detail: expect.stringContaining(
        '0003.sql, line 2: at the level "shared", the column title of "pages" is gone',
      ),
      remedy: expect.stringContaining("-- tenantry: contract"),
    },
  });
  await sayTheirOwn();
  const after = await installation.sql(
    "select count(*)::int as files from app_migrations m join apps a on a.id = m.app_id where a.slug = 'sites'",
  );
  expect(after).toEqual(before);
  await becomesWhole(installation);
});
