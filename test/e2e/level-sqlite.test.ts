import { cp, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { MigrationPlanReply, TenantReply } from "@tenantry/contract";
import { expect, it } from "vitest";
import { fresh } from "../support/fresh.ts";
import { password, siteUser } from "../support/site-user.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();
const migrations = fileURLToPath(new URL("../../apps/sites/migrations", import.meta.url));

async function tenantry<Body>(...args: string[]): Promise<Body> {
  const { code, stdout, stderr } = await installation.command([...args, "--json"]);
  expect([args, code, stderr]).toEqual([args, 0, ""]);
  return JSON.parse(stdout || "null") as Body;
}

/** A tenant with a file, whose admin has published a home page. */
async function site() {
  const slug = fresh("file");
  const admin = { email: `admin@${slug}.example`, password };
  await installation.api.createTenant(slug, { admin, isolation: { database: "sqlite" } });
  const user = siteUser(installation, slug);
  expect(await user.logIn(admin.email)).toBe(303);
  const fields = { title: `Home of ${slug}`, slug: "home", body: `Of ${slug}.`, intent: "publish" };
  expect((await user.post("/admin/pages", fields)).status).toBe(303);
  return slug;
}

const shows = async (slug: string) => (await installation.visit(slug)).status;

it("a tenant's file is cloned to other levels and back, with its rows", async () => {
  const source = await site();
  let from = source;
  for (const level of ["database", "sqlite", "shared", "sqlite"]) {
    const slug = fresh("copy");
    const copy = await tenantry<TenantReply>("tenant", "clone", from, slug, "--level", level, "--wait");
    expect(copy.environments[0]!.placements.database).toMatchObject({ level });
    expect((await installation.visit(slug)).body).toContain(`Of ${source}.`);
    from = slug;
  }
  await becomesWhole(installation);
});

it("a tenant with a file is suspended, closed and deleted, and all of it undone, with its rows", async () => {
  const slug = await site();
  for (const [command, status] of [
    [["suspend", slug], 503],
    [["resume", slug], 200],
    [["maintenance", "on", slug], 503],
    [["maintenance", "off", slug], 200],
    [["delete", slug, "--yes"], 410],
    [["resume", slug], 200],
  ] as const) {
    await tenantry("tenant", ...command);
    expect([command, await shows(slug)]).toEqual([command, status]);
  }
  expect((await installation.visit(slug)).body).toContain(`Of ${slug}.`);
  await tenantry("tenant", "delete", slug, "--now", "--yes", "--wait");
  await becomesWhole(installation);
});

it("a tenant with a file is declared, exported as it was declared, and changed", async () => {
  const slug = fresh("declared");
  const file = path.join(installation.directory, `${slug}.yaml`);
  const declare = (more: string) =>
    writeFile(
      file,
      `apiVersion: tenantry/v1\ntenants:\n  - { slug: ${slug}, isolation: { database: sqlite }, ${more} }\n`,
    );
  await declare("name: One");
  await tenantry("apply", "-f", file, "--yes");
  expect(await shows(slug)).toBe(200);
  await tenantry("export", "--tenant", slug, "-o", file);
  expect(await tenantry("apply", "-f", file, "--yes")).toMatchObject({ counts: { done: 0, unchanged: 1 } });
  await declare("name: One, suspended: unpaid");
  expect(await tenantry("apply", "-f", file, "--yes")).toMatchObject({ counts: { done: 1, failed: 0 } });
  expect(await shows(slug)).toBe(503);
  await declare("name: One, suspended: false");
  await tenantry("apply", "-f", file, "--yes");
  expect(await shows(slug)).toBe(200);
});

it.each([false, true])(
  "a release is tried on a copy of a tenant's file (encrypted: %s), whose rows may refuse it; the tenant is left alone",
  async (encrypted) => {
    await tenantry("settings", "set", `sqliteEncryption=${encrypted}`);
    const slug = await site();
    const directory = path.join(installation.directory, fresh("migrations"));
    await cp(migrations, directory, { recursive: true });
    const next = (await readdir(directory)).length + 1;
    const add = (number: number, sql: string) =>
      writeFile(path.join(directory, `${String(number).padStart(4, "0")}_more.sql`), sql);
    const tried = ["migrate", "--app", "sites", "--dry-run", "--migrations", directory, "--tenant", slug];
    await add(next, "alter table pages add column stars int not null default 3");
    await add(next + 1, "create index pages_stars on pages (stars)");
    const { items } = await tenantry<{ items: MigrationPlanReply[] }>(...tried);
    expect(items[0]!.rehearsal).toMatchObject({
      ...{ tenant: slug, rows: 1 },
      files: [true, false].map((rewritten) => ({
        transactional: true,
        locks: expect.arrayContaining([{ table: "public.pages", blocks: "writes", rewritten }]),
      })),
    });
    await add(next + 2, "alter table pages add constraint few check (stars < 3)");
    const refused = await installation.command(tried);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("0004_more.sql")]);
    expect(await shows(slug)).toBe(200);
    await becomesWhole(installation);
  },
);

it("a tenant whose file is as large as it may be writes nothing more, is told so, and is served on; raised, it goes on", async () => {
  const slug = fresh("full");
  const admin = { email: `admin@${slug}.example`, password };
  const isolation = { database: "sqlite" };
  await installation.api.createTenant(slug, { admin, isolation, settings: { sqliteQuota: "1MB" } });
  const user = siteUser(installation, slug);
  expect(await user.logIn(admin.email)).toBe(303);
  const publish = (page: string) =>
    user.post("/admin/pages", {
      ...{ title: "Much", slug: page, body: "much ".repeat(15_000), intent: "publish" },
    });
  let last = 303;
  let count = 0;
  for (; last === 303 && count < 50; count += 1) last = (await publish(`page-${count}`)).status;
  expect([last, count > 3]).toEqual([507, true]);
  expect(await shows(slug)).toBe(200);
  await tenantry("settings", "set", "--tenant", slug, "sqliteQuota=20MB");
  await expect.poll(async () => (await publish("at-last")).status).toBe(303);
});
