import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { TenantReply } from "@tenantry/contract";
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { Installation } from "../support/installation.ts";
import { isAlive } from "../support/process-tree.ts";
import { databaseUrl, query } from "../support/registry.ts";
import { stateOf } from "../support/state.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();
beforeAll(async () => {
  const { api } = installation;
  const admin = { email: "admin@acme.example", password: "correct horse battery" };
  const acme = await api.createTenant("acme", { admin, groups: ["a", "b"], plan: "gold" });
  await api.createTenant("globex");
  await api.call("PATCH", "/v1/tenants/acme/settings", { maxPages: 7 });
  await api.call("POST", "/v1/tenants/globex/suspend", { reason: "unpaid" });
  await api.createTenant("initech");
  const maintenance = "/v1/tenants/initech/environments/production/maintenance";
  await api.call("PUT", maintenance, { message: "Back at six" });
  await addContent(acme);
  await becomesWhole(installation);
});

/** A page and a file, put where the tenant's own lie. */
async function addContent(tenant: TenantReply): Promise<void> {
  const { name } = tenant.environments[0]!.placements.database as { name: string };
  await query(
    databaseUrl(installation.registryUrl, name),
    `insert into public.pages (id, slug, title, position, updated_by, published)
     values (gen_random_uuid(), 'kept', 'What was kept', 1, 'a test', true)`,
  );
  const [place] = await installation.sql<{ name: string }>(
    `select p.physical_name as name from placements p join environments e on e.id = p.environment_id
     join tenants t on t.id = e.tenant_id where t.slug = $1 and p.kind = 'storage'`,
    [tenant.slug],
  );
  const directory = path.join(installation.dataDir, "storage", place!.name, "kept");
  await mkdir(directory);
  await writeFile(path.join(directory, "file.txt"), "kept");
}

async function expectServed(): Promise<void> {
  const [home, kept, suspended, closed] = await Promise.all([
    installation.visit("acme"),
    installation.visit("acme", "/kept"),
    installation.visit("globex"),
    installation.visit("initech"),
  ]);
  expect(home.body).toContain("The acme company");
  expect(kept).toMatchObject({ status: 200 });
  expect(kept.body).toContain("What was kept");
  expect(suspended).toMatchObject({ status: 503 });
  expect(closed).toMatchObject({ status: 503, body: expect.stringContaining("Back at six") });
}

describe("a second start finds everything as it was, and serves it as soon as it says that it is running", () => {
  it("after Ctrl-C, which ends every process with exit code 0", async () => {
    const before = await stateOf(installation);
    const processes = installation.processes();
    expect(await installation.interrupt()).toMatchObject({ code: 0, stderr: "" });
    expect(processes.filter(isAlive)).toEqual([]);
    await installation.start();
    await expectServed();
    expect(await stateOf(installation)).toEqual(before);
    await becomesWhole(installation);
  });

  it("after kill -9 of the whole tree", async () => {
    const before = await stateOf(installation);
    await installation.kill();
    await installation.start();
    await expectServed();
    expect(await stateOf(installation)).toEqual(before);
    await becomesWhole(installation);
  });

  it("after kill -9 of the main process alone; applications don't outlive it, and its server is taken over", async () => {
    const before = await stateOf(installation);
    const orphans = await installation.killMain();
    await installation.start();
    await expectServed();
    expect(await stateOf(installation)).toEqual(before);
    await becomesWhole(installation);
    await eventually("nothing but the server is left of before", () =>
      orphans.filter(isAlive).every(({ command }) => /\/postgres -D|^postgres:/.test(command)),
    );
  });
});

it("the next start seals what an older version kept of releases' variables as it was", async () => {
  const release = { slug: "shop", upstreamUrl: "http://127.0.0.1:9", migrations: [] };
  await installation.api.call("POST", "/v1/apps", release, { prefer: "wait=60" });
  const rows = "releases r join apps a on a.id = r.app_id where a.slug = 'shop'";
  await installation.sql(
    `update releases set variables = '{"TOKEN": "in-clear"}', variables_secret = null
     where id = (select r.id from ${rows})`,
  );
  await installation.interrupt();
  await installation.start();
  const [kept] = await installation.sql<{ plain: object; sealed: number }>(
    `select r.variables as plain, length(r.variables_secret) as sealed from ${rows}`,
  );
  expect(kept).toEqual({ plain: {}, sealed: expect.any(Number) });
});

describe("Ctrl-C during a start leaves no process, and the next start works", () => {
  it.each([
    { moment: "the server is there", pattern: /\/postgres -D/ },
    { moment: "the first application starts", pattern: /apps\/sites\/src\/main/ },
  ])("as soon as $moment", async ({ pattern }) => {
    await using fresh = new Installation();
    const starting = fresh.start();
    const failed = expect(starting).rejects.toThrow("It ended with code 0");
    const processes = await eventually("it has come so far", () => {
      const running = fresh.processes();
      return running.some(({ command }) => pattern.test(command)) ? running : undefined;
    });
    await fresh.interrupt();
    await failed;
    expect(processes.filter(isAlive)).toEqual([]);
    await fresh.start();
    await fresh.api.createTenant("acme");
    await becomesWhole(fresh);
  });
});
