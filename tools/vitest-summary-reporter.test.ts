import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const vitest = join(import.meta.dirname, "../node_modules/vitest/vitest.mjs");
const reporter = join(import.meta.dirname, "vitest-summary-reporter.ts");

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tenantry-summary-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Runs these test files in a Vitest of their own; gives its exit code and the last line it printed. */
async function summaryOf(files: Record<string, string>): Promise<{ code: number; lastLine: string }> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const parameters = [
    vitest,
    "run",
    "--root",
    folder,
    "--globals",
    "--reporter=default",
    `--reporter=${reporter}`,
  ];
  return new Promise((resolve) => {
    execFile(process.execPath, parameters, (error, stdout) => {
      const lastLine = stdout.trimEnd().split("\n").at(-1) ?? "";
      resolve({ code: error ? Number(error.code) : 0, lastLine });
    });
  });
}

describe("the last line of a test run", () => {
  test("counts what passed", async () => {
    const files = { "a.test.js": `test("a", () => {}); describe("b", () => { test("c", () => {}); });` };
    expect(await summaryOf(files)).toEqual({ code: 0, lastLine: "2 passed, 0 failed" });
  });

  test("counts what failed and what was skipped", async () => {
    const files = {
      "a.test.js": `test("a", () => {}); test("b", () => { throw new Error(); }); test.skip("c", () => {});`,
    };
    expect(await summaryOf(files)).toEqual({ code: 1, lastLine: "1 passed, 1 failed, 1 skipped" });
  });

  test.each([
    ["a file that cannot be loaded", "const = ;"],
    [
      "a hook that fails",
      `describe("a", () => { afterAll(() => { throw new Error(); }); test("b", () => {}); });`,
    ],
    ["an error outside every test", `test("a", async () => { Promise.reject(new Error()); await null; });`],
  ])("counts %s as a failure", async (_title, text) => {
    const { code, lastLine } = await summaryOf({ "a.test.js": text });
    expect(code).toBe(1);
    expect(lastLine).toMatch(/^[01] passed, 1 failed$/);
  });
});
