import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { apiReport, reportFile } from "./api-report.ts";

test("the SDK's public shapes are as reported; after a change that is meant, run `npm run api-report`", async () => {
  expect(await apiReport("packages/sdk")).toBe(await readFile(reportFile("packages/sdk"), "utf8"));
});
