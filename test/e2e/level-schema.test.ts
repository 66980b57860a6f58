import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { OperationReply, TenantReply } from "@tenantry/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fresh } from "../support/fresh.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { becomesWhole } from "../support/whole.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation?.[Symbol.asyncDispose]());

it.each(["schema", "sqlite"])(
  "a tenant at the level %s has its site beside one at the level database, and leaves nothing when it is deleted",
  async (level) => {
    const [small, large] = [fresh("small"), fresh("large")];
    const made = await installation.api.createTenant(small, { isolation: { database: level } });
    await installation.api.createTenant(large);
    expect(made.environments[0]!.placements.database).toMatchObject({ level });
    for (const slug of [small, large]) {
      const page = await installation.visit(slug);
      expect(page).toMatchObject({ status: 200 });
      expect(page.body).toContain(`The ${slug} company`);
    }
    const shown = await installation.command(["tenant", "show", small, "--json"]);
    const placed = (JSON.parse(shown.stdout) as TenantReply).environments[0]!.placements.database;
    expect(placed).toMatchObject({ level });
    await becomesWhole(installation);
    const { body } = await installation.api.call<OperationReply>("DELETE", `/v1/tenants/${small}?now=true`);
    expect(await installation.api.ended(body.id)).toMatchObject({ status: "succeeded" });
    expect((await installation.visit(large)).status).toBe(200);
    const { name } = placed as { name: string };
    const left = await installation.sql("select from databases where level = $1 and name = $2", [
      level,
      name,
    ]);
    expect(left).toEqual([]);
    await becomesWhole(installation);
  },
);

it("a file of a new tenant is encrypted where the installation says so, and its site is the same", async () => {
  await installation.api.call("PATCH", "/v1/settings", { sqliteEncryption: true });
  const slug = fresh("sealed");
  const tenant = await installation.api.createTenant(slug, { isolation: { database: "sqlite" } });
  await installation.api.call("PATCH", "/v1/settings", { sqliteEncryption: null });
  expect((await installation.visit(slug)).body).toContain(`The ${slug} company`);
  const { name } = tenant.environments[0]!.placements.database as { name: string };
  const file = path.join(installation.dataDir, "sqlite", ...name.split("."), "data.db");
  const content = await readFile(file, "latin1");
  for (const readable of ["SQLite format", "create table", "pages"]) expect(content).not.toContain(readable);
  const credentials = await installation.command(["tenant", "credentials", slug]);
  expect(credentials).toMatchObject({ code: 1, stderr: expect.stringContaining("no program logs in to it") });
  await becomesWhole(installation);
});

it("the command says at which levels an application's migrations work, by file and line; Sites works at all", async () => {
  const directory = path.join(installation.directory, "migrations");
  await mkdir(directory);
  await writeFile(path.join(directory, "1.sql"), "create table a (id int);\ncreate schema shop;\n");
  const shown = await installation.command(["schema", "check", directory]);
  expect(shown).toMatchObject({ code: 0, stderr: "" });
  expect(shown.stdout).toContain("1.sql:2 schema shop (schema: refused)");
  const sites = await installation.command(["schema", "check", "apps/sites/migrations", "--json"]);
  expect(JSON.parse(sites.stdout)).toEqual({
    levels: ["database", "schema", "shared", "sqlite"].map((level) => ({ level, works: true })),
    findings: [],
  });
  await becomesWhole(installation);
});
