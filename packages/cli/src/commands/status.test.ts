import { expect, it } from "vitest";
import { startFakeApi } from "../testing/fake-api.ts";
import { operation } from "../testing/operations.ts";
import { run } from "../testing/run.ts";

const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
const remedy = "Mend the cause, then run `tenantry operation retry op_stopped`: it goes on where it stopped.";

it("status names the operations that need somebody, with what to do, and those that failed within the last day", async () => {
  const error = {
    code: "server_unreachable",
    title: "It can't be used.",
    detail: "It doesn't answer.",
    remedy,
  };
  const atWork = [
    operation({ id: "op_stopped", status: "needs_operator", error }),
    operation({ id: "op_slow", stuckSince: "2026-01-01T00:00:00.000Z" }),
    operation({ id: "op_quick" }),
  ];
  const failed = [
    operation({ id: "op_failed", status: "failed", endedAt: hoursAgo(23) }),
    operation({ id: "op_long_ago", status: "failed", endedAt: hoursAgo(25) }),
  ];
  await using api = await startFakeApi(({ url }) => {
    const items = !url.startsWith("/v1/operations") ? [] : url.includes("status=failed") ? failed : atWork;
    return { body: { items, nextCursor: null } };
  });
  const environment = { TENANTRY_URL: api.url, TENANTRY_API_KEY: "key" };
  const { code, stdout } = await run("tenantry status", environment);
  expect(code).toBe(0);
  expect(stdout).toContain(`op_stopped needs an operator: It doesn't answer. ${remedy}`);
  expect(stdout).toContain("op_slow makes no progress since 2026-01-01T00:00:00.000Z");
  expect(stdout).toMatch(/Failed within the last day:\n.*\nop_failed/);
  expect(stdout).not.toContain("op_long_ago");
  expect(stdout).not.toContain("op_quick makes");
  const asJson = JSON.parse((await run("tenantry status --json", environment)).stdout);
  expect(asJson.failedOperations).toMatchObject([{ id: "op_failed" }]);
});
