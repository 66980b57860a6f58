import type { DomainReply } from "@tenantry/contract";
import { expect, it } from "vitest";
import { startFakeApi } from "../../testing/fake-api.ts";
import { run } from "../../testing/run.ts";

const pending: DomainReply = {
  ...{ id: "dom_1", hostname: "xn--bcher-kva.de", displayName: "bücher.de", tenantId: "tnt_1" },
  ...{ environment: "production", status: "pending", reason: "None of its records is found in DNS." },
  ...{ url: "https://xn--bcher-kva.de/", certificate: null, createdAt: "2026-01-01T00:00:00.000Z" },
  verification: {
    ...{ method: null, verifiedAt: null, outcome: "missing", checkedAt: null, nextCheckAt: null },
    ...{ missingSince: null, lapsesAt: null },
  },
  records: [
    {
      ...{ purpose: "ownership", type: "TXT", name: "_tenantry-challenge.xn--bcher-kva.de", ttl: 300 },
      ...{ value: "tenantry-verify=1", state: "missing", found: ["tenantry-verify=2"] },
    },
  ],
};

const environmentOf = (api: { url: string }) => ({ TENANTRY_URL: api.url, TENANTRY_API_KEY: "key" });

it("a look that finds no proof says which record is missing and what stands there, and ends with 1", async () => {
  await using api = await startFakeApi(() => ({ body: pending }));
  const { code, stdout } = await run("tenantry domain verify acme bücher.de", environmentOf(api));
  expect(code).toBe(1);
  expect(stdout).toContain("bücher.de");
  expect(stdout).toMatch(/TXT +_tenantry-challenge\.xn--bcher-kva\.de +tenantry-verify=1 +300 +missing/);
  expect(stdout).toContain("Instead, _tenantry-challenge.xn--bcher-kva.de has TXT: tenantry-verify=2");
});

it("who waits is told why it takes long, gets the domain once it is active, and an error when it isn't in time", async () => {
  let looks = 0;
  await using api = await startFakeApi(({ method }) => {
    if (method === "GET") looks += 1;
    return {
      status: method === "POST" ? 201 : 200,
      body: looks < 2 ? pending : { ...pending, status: "active" },
    };
  });
  const environment = environmentOf(api);
  const done = await run("tenantry domain add acme bücher.de --wait", environment);
  expect(done).toMatchObject({ code: 0, stderr: "None of its records is found in DNS.\n" });
  expect(done.stdout).toContain("active");
  looks = Number.NEGATIVE_INFINITY;
  const late = await run("tenantry domain add acme bücher.de --wait --timeout 1 --json", environment);
  expect(late.code).toBe(1);
  expect(JSON.parse(late.stderr)).toMatchObject({ code: "domain_not_active" });
});
