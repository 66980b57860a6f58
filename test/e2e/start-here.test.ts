import { execFile, spawn } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { finish } from "../support/command.ts";
import { type Installation, startInstallation } from "../support/installation.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = await readFile(path.join(root, "docs", "start-here.md"), "utf8");

function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map((match) => match[1]!);
}

/** The first two lines start the installation; the rest is for a second terminal. */
const [first, , ...commands] = blocks("sh").flatMap((block) => block.trimEnd().split("\n"));

/** Runs lines of the page one after another in one shell, as they stand, but for the port and where npx finds us. */
async function run(installation: Installation, lines: readonly string[]) {
  const home = path.join(installation.directory, "clone");
  await mkdir(home, { mode: 0o755 });
  // Copies: what a link leads to may lie where the application's user can't go.
  const needed = ["docs", "packages", "node_modules"].map((name) => path.join(root, name));
  await promisify(execFile)("cp", ["-a", "--reflink=auto", ...needed, home]);
  const preparation = [
    "set -e",
    `npx() { shift; '${process.execPath}' '${root}/packages/cli/bin/tenantry.js' "$@"; }`,
    'curl() { echo; echo "--- $*"; command curl --silent --show-error "$@"; echo; }',
  ];
  const script = [...preparation, ...lines].join("\n").replaceAll(":8585/", `:${installation.gatewayPort}/`);
  const env = { ...process.env, TENANTRY_DATA_DIR: installation.dataDir };
  const shell = spawn("bash", ["-c", script], { cwd: home, env, stdio: ["ignore", "pipe", "pipe"] });
  return finish(shell);
}

describe("the page that one starts with", () => {
  it("shows the example as it is", async () => {
    const example = path.join(root, "docs", "examples", "notes");
    const files = ["app.js", "main.js"].map((name) => readFile(path.join(example, name), "utf8"));
    expect(blocks("js")).toEqual(await Promise.all(files));
    expect(blocks("sql")).toEqual([
      await readFile(path.join(example, "migrations", "001_notes.sql"), "utf8"),
    ]);
  });

  it("starts as the README does", async () => {
    expect(first).toContain("git clone");
    expect(await readFile(path.join(root, "README.md"), "utf8")).toContain("npm ci && npm start");
  });

  it("has commands that all work, and answers that are those it tells", async () => {
    await using installation = await startInstallation();
    const { code, stdout, stderr } = await run(installation, commands);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain("Acme Ltd");
    for (const told of page.matchAll(/`(\{"company":.*?\})`/gs)) expect(stdout).toContain(told[1]);
    expect(stdout).toMatch(/initech\.localhost:\d+\/notes\n.*"code":\s*"tenant_suspended"/s);
    expect(stdout).toContain("notes was released.");
    expect(stdout).toContain("this undoes it: tenantry tenant resume initech");
  });
});
