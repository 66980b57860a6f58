import type { MigrationPlanReply } from "@tenantry/contract";
import { expect, it } from "vitest";
import { type Answer, type Asked, startFakeApi } from "../testing/fake-api.ts";
import { operation } from "../testing/operations.ts";
import { run } from "../testing/run.ts";

const plan: MigrationPlanReply = {
  ...{ schemaVersion: 2, groups: [], tried: false, refused: [] },
  rehearsal: {
    ...{ tenant: "acme", rows: 7 },
    files: [{ name: "0002.sql", transactional: true, tookMs: 90_000, locks: [] }],
  },
};

async function dryRun(end: ReturnType<typeof operation>) {
  const answer = ({ url, body }: Asked): Answer => {
    if (url.endsWith("/op_check/events"))
      return { events: [operation({ id: "op_check", status: "succeeded" })] };
    if (url.endsWith("/events")) return { events: [end] };
    if (!url.endsWith("/migrations/plan"))
      return { status: 404, body: { title: "None.", code: "not_found" } };
    const next = { "": "op_check", op_check: "op_slow" }[(body as { rehearsal?: string }).rehearsal ?? ""];
    return next === undefined ? { body: plan } : { status: 202, body: operation({ id: next }) };
  };
  await using api = await startFakeApi(answer);
  const environment = { TENANTRY_URL: api.url, TENANTRY_API_KEY: "key" };
  const ran = await run("tenantry migrate --app notes --group first --dry-run", environment);
  return { ...ran, asked: api.asked.filter(({ url }) => url.endsWith("/plan")) };
}

it("a dry run whose check and copy take long is followed through both, and then told", async () => {
  const { code, stdout, asked } = await dryRun(operation({ id: "op_slow", status: "succeeded" }));
  expect(code).toBe(0);
  expect(stdout).toContain("On a copy of acme with 7 rows:");
  expect(asked).toMatchObject([
    { headers: { prefer: "wait=2" }, body: { group: "first" } },
    { body: { group: "first", rehearsal: "op_check" } },
    { body: { group: "first", rehearsal: "op_slow" } },
  ]);
});

it("a dry run that fails after a while ends the command with the reason, and isn't begun again", async () => {
  const error = {
    code: "migration_failed",
    title: "No.",
    detail: "0002.sql, line 1: no.",
    remedy: "Mend it.",
  };
  const { code, stderr, asked } = await dryRun(operation({ id: "op_slow", status: "failed", error }));
  expect({ code, stderr }).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("0002.sql, line 1: no."),
  });
  expect(asked).toHaveLength(2);
});

it("the status tells those that failed first, why, what is under way, and what to type next", async () => {
  const one = (tenantSlug: string, more: object) => ({
    ...{ tenantId: "tnt_1", tenantSlug, environmentId: "env_1", environment: "production" },
    ...{ level: "schema", server: "embedded", schemaVersion: 1, heldRelease: null, failure: null, ...more },
  });
  const failure = {
    ...{ operationId: "op_1", targetVersion: 2, attempts: 1, failedAt: "2026-01-01T00:00:00.000Z" },
    ...{ code: "migration_failed", detail: `0002.sql, line 1: ${"no, ".repeat(40)}never.`, remedy: null },
  };
  const list = {
    schemaVersion: 2,
    counts: { environments: 3, current: 1, behind: 2, failed: 1, heldBack: 0 },
    items: [
      one("acme", { state: "current" }),
      one("bolt", { state: "behind" }),
      one("coco", { state: "failed", failure }),
    ],
    nextCursor: null,
  };
  const work = operation({
    id: "op_2",
    kind: "app.migrate",
    progress: 0.4,
    message: "400 of 1000 databases",
  });
  await using api = await startFakeApi(({ url }) => {
    if (url.startsWith("/v1/operations"))
      return { body: { items: url.includes("app.migrate") ? [work] : [], nextCursor: null } };
    return { body: list };
  });
  const environment = { TENANTRY_URL: api.url, TENANTRY_API_KEY: "key" };
  const { stdout } = await run("tenantry migrate --app notes --group a --status", environment);
  expect(stdout.match(/^(acme|bolt|coco) /gm)).toEqual(["coco ", "bolt ", "acme "]);
  expect(stdout).toContain(`coco: ${failure.detail}\n`);
  expect(stdout).toContain("then run: tenantry migrate --app notes --wait");
  expect(stdout).toContain(
    "A migration is under way: 40 %, 400 of 1000 databases. Follow it with: tenantry operation watch op_2",
  );
});
