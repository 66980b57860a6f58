import { copyFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bin, runTenantry } from "../support/command.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { becomesWhole } from "../support/whole.ts";

let installation: Installation;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-e2e-refused-"));
  installation = await startInstallation();
  await installation.api.createTenant("acme");
});
afterAll(async () => {
  await installation?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

describe("a start that can't be says why in one sentence, with exit code 1", () => {
  it("when the data directory is in use, whose installation goes on unharmed", async () => {
    const ports = ["--api-port", "0", "--gateway-port", "0"];
    const second = await installation.command(["up", ...ports]);
    expect(second).toMatchObject({ code: 1, stdout: "" });
    expect(second.stderr).toBe(
      `The data directory ${installation.dataDir} is in use by process ${installation.mainPid}. ` +
        "Stop that one first, or choose another data directory.\n",
    );
    expect(await installation.visit("acme")).toMatchObject({ status: 200 });
    await becomesWhole(installation);
  });

  it.each([
    ["the API", (port: string) => ["--api-port", port, "--gateway-port", "0"]],
    ["the gateway", (port: string) => ["--api-port", "0", "--gateway-port", port, "--tls-port", "0"]],
    ["https", (port: string) => ["--api-port", "0", "--gateway-port", "0", "--tls-port", port]],
  ])("when the port of %s is taken, before anything is made", async (what, flags) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = taken.address() as { port: number };
      const dataDir = path.join(directory, what.replace(" ", "-"));
      const refused = await runTenantry(["up", "--data-dir", dataDir, ...flags(String(port))]);
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toMatch(new RegExp(`^Port ${port} is taken by another program\\. .*\\n$`));
      expect(await readdir(dataDir)).not.toContain("postgres");
    } finally {
      taken.close();
    }
  });

  it("when nobody listens where DATABASE_URL leads, with what to look at", async () => {
    const environment = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };
    const refused = await runTenantry(
      ["up", "--data-dir", path.join(directory, "given"), "--api-port", "0", "--gateway-port", "0"],
      { environment },
    );
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(
      /^The PostgreSQL that DATABASE_URL names can't be connected to: connect ECONNREFUSED .* Check host and port.*\n$/,
    );
  });

  it("when a flag is wrong, naming it", async () => {
    const refused = await runTenantry(["up", "--data-dir", directory, "--api-port", "seventy"]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain("--api-port");
    expect(refused.stderr).not.toContain("    at ");
  });
});

it("what a command compiled is kept where the code lies, so that the next one needn't", async () => {
  const kept = path.join(path.dirname(bin), "../../../node_modules/.cache/tenantry");
  await rm(kept, { recursive: true, force: true });
  const ran = await runTenantry(["--version"], { environment: { NODE_COMPILE_CACHE: "" } });
  expect(ran.code).toBe(0);
  const files = await readdir(kept, { recursive: true });
  expect(files.length).toBeGreaterThan(10);
});

describe("on a Node.js that is too old", () => {
  const old = { ...process.versions, node: "20.11.0" };
  const script = `Object.defineProperty(process, "versions", { value: ${JSON.stringify(old)} })`;
  const nodeArguments = ["--import", `data:text/javascript,${encodeURIComponent(script)}`];

  it("the command runs by the one that npm installed beside it", async () => {
    const ran = await runTenantry(["--version"], { nodeArguments });
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });

  it("and without one beside it, the command says what it needs, in one sentence", async () => {
    const program = path.join(directory, "tenantry.mjs");
    await copyFile(bin, program);
    const refused = await runTenantry(["up"], { nodeArguments, program });
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^Tenantry needs Node\.js 24 or newer, and this is 20\.11\.0\. .*\n$/);
  });
});
