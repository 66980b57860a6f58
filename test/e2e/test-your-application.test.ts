import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { stopTestKit } from "@tenantry/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
const guide = await readFile(path.join(root, "docs/guides/test-your-application.md"), "utf8");
const blocks = [...guide.matchAll(/^```(js|ts)\n(.*?)^```$/gms)].map(([, language, text]) => ({
  language,
  text,
}));

/** A project of somebody's, with the example in it, and what is installed there. */
let project: string;

beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), "tenantry-project-"));
  await cp(path.join(root, "docs/examples/notes"), project, { recursive: true });
  await mkdir(path.join(project, "node_modules"));
  for (const name of ["@tenantry", "@jest", "express", "vitest"]) {
    await symlink(path.join(root, "node_modules", name), path.join(project, "node_modules", name));
  }
});

afterAll(async () => {
  await stopTestKit({ directory: path.join(project, "node_modules/.cache/tenantry-testkit") });
  await rm(project, { recursive: true, force: true });
});

const inProject = (...args: string[]) =>
  run(process.execPath, args, { cwd: project, env: { PATH: process.env.PATH, HOME: project } });

/** A block of the guide by the words that it begins with. */
const block = (beginning: string): string => blocks.find(({ text }) => text!.startsWith(beginning))!.text!;

describe("the guide to testing one's application", () => {
  it("begins with a test file that is the example's", async () => {
    expect(blocks[0]).toEqual({
      language: "js",
      text: await readFile(path.join(root, "docs/examples/notes/notes.test.js"), "utf8"),
    });
  });

  it("has tests that pass under node:test", async () => {
    const { stdout } = await inProject("--test", "--test-reporter=tap", "notes.test.js");
    expect(stdout).toMatch(/^# pass 3$/m);
  });

  it("has a setup for vitest that works, with eight workers on one kit", async () => {
    const [setup, config, example] = blocks.filter(({ language }) => language === "ts");
    await writeFile(path.join(project, "testkit.ts"), setup!.text!);
    await writeFile(path.join(project, "vitest.config.ts"), config!.text!);
    for (let index = 0; index < 8; index += 1) {
      await writeFile(path.join(project, `notes-${index}.spec.ts`), example!.text!);
    }
    const vitest = path.join(root, "node_modules/vitest/vitest.mjs");
    await inProject(vitest, "run", "--maxWorkers=8", "--reporter=json", "--outputFile=report.json");
    const report = JSON.parse(await readFile(path.join(project, "report.json"), "utf8"));
    expect(report).toMatchObject({ success: true, numPassedTests: 8, numFailedTests: 0 });
  });

  it("has a setup for jest that works, with two workers on one kit", async () => {
    for (const name of ["testkit.js", "jest.config.js"])
      await writeFile(path.join(project, name), block(`// ${name}`));
    await writeFile(path.join(project, "package.json"), JSON.stringify({ type: "module" }));
    await writeFile(path.join(project, "strip-types.cjs"), block("const { stripTypeScriptTypes }"));
    for (const name of ["one.spec.js", "two.spec.js"])
      await writeFile(path.join(project, name), block("// notes.spec.js"));
    const jest = fileURLToPath(import.meta.resolve("jest/bin/jest"));
    const options = ["--maxWorkers=2", "--json", "--outputFile=jest.json"];
    await inProject("--experimental-vm-modules", jest, ...options);
    const report = JSON.parse(await readFile(path.join(project, "jest.json"), "utf8"));
    expect(report).toMatchObject({ success: true, numPassedTests: 2, numFailedTests: 0 });
  });
});
