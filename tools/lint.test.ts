import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const run = promisify(execFile);

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tenantry-lint-"));
  copyFileSync(join(root, "biome.json"), join(folder, "biome.json"));
  writeFileSync(join(folder, ".gitignore"), "dist/\n"); // As configured, Biome refuses to run without one.
});

afterEach(() => rmSync(folder, { recursive: true }));

/** The rules that Biome, as this repository configures it, finds broken in a file with this text. */
async function brokenRules(name: string, text: string): Promise<string[]> {
  writeFileSync(join(folder, name), text);
  const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
  const { stderr } = await run(process.execPath, [biome, "lint", folder, `--config-path=${folder}`]).catch(
    (failure: { stderr: string }) => failure,
  );
  return [...stderr.matchAll(/lint\/\w+\/(\w+)/g)].map(([, rule]) => rule ?? "");
}

const longBody = "  work();\n".repeat(61);

// Rules that the house relies on and that an upgrade of Biome could rename or weaken unseen.
describe("the linter", () => {
  test.each([
    ["noFloatingPromises", "async function work() {\n  return 1;\n}\nexport function a() {\n  work();\n}\n"],
    [
      "noFloatingPromises",
      "interface Db { end(): Promise<void> }\nexport function a(db: Db) {\n  db.end();\n}\n",
    ],
    ["noMisusedPromises", "const work = async () => true;\nexport const a = () => (work() ? 1 : 2);\n"],
    ["noEmptyBlockStatements", "export function a() {\n  try {\n    a();\n  } catch {}\n}\n"],
    ["noConsole", "console.log(1);\n"],
    ["noExcessiveLinesPerFunction", `declare function work(): void;\nexport function a() {\n${longBody}}\n`],
  ])("catches %s", async (rule, text) => {
    expect(await brokenRules("planted.ts", text)).toEqual([rule]);
  });

  test.each([
    ["noSkippedTests", `test.skip("a", () => work());\n`],
    ["noFocusedTests", `test.only("a", () => work());\n`],
  ])("catches %s in a test", async (rule, text) => {
    expect(await brokenRules("planted.test.ts", text)).toEqual([rule]);
  });
});
