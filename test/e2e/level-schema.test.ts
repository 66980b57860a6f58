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

it("a tenant at the level schema has its site beside one at the level database, and leaves nothing when it is deleted", async () => {
  const [small, large] = [fresh("small"), fresh("large")];
  const made = await installation.api.createTenant(small, { isolation: { database: "schema" } });
  await installation.api.createTenant(large);
  expect(made.environments[0]!.placements.database).toMatchObject({ level: "schema" });
  for (const slug of [small, large]) {
    const page = await installation.visit(slug);
    expect(page).toMatchObject({ status: 200 });
    expect(page.body).toContain(`The ${slug} company`);
  }
  const shown = await installation.command(["tenant", "show", small, "--json"]);
  const placed = (JSON.parse(shown.stdout) as TenantReply).environments[0]!.placements.database;
  expect(placed).toMatchObject({ level: "schema" });
  await becomesWhole(installation);
  const { body } = await installation.api.call<OperationReply>("DELETE", `/v1/tenants/${small}?now=true`);
  expect(await installation.api.ended(body.id)).toMatchObject({ status: "succeeded" });
  expect((await installation.visit(large)).status).toBe(200);
  const left = await installation.sql("select from databases where level = 'schema'");
  expect(left).toEqual([]);
  await becomesWhole(installation);
});
