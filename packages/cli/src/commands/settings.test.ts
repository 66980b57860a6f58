import { expect, test } from "vitest";
import { startFakeApi } from "../testing/fake-api.ts";
import { run } from "../testing/run.ts";

test("whoever sets what nothing reads is told so, and nobody else is", async () => {
  const notice = "Nothing reads it yet.";
  const items = [
    { key: "customDomains", value: false, source: "platform", description: "Domains.", notice },
    { key: "maxTenants", value: 5, source: "platform", description: "How many." },
  ];
  await using api = await startFakeApi(() => ({ body: { items } }));
  const environment = { TENANTRY_URL: api.url, TENANTRY_API_KEY: "key" };
  const told = await run("tenantry settings set customDomains=false maxTenants=5", environment);
  expect([told.code, told.stderr]).toEqual([0, "customDomains: Nothing reads it yet.\n"]);
  expect((await run("tenantry settings set maxTenants=5", environment)).stderr).toBe("");
  const asJson = await run("tenantry settings set customDomains=false --json", environment);
  expect(JSON.parse(asJson.stdout)).toEqual({ items });
});
