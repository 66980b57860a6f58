import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { finish } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { isAlive, killAll, treeOf } from "../support/process-tree.ts";
import { useInstallation } from "../support/use-installation.ts";

const installation = useInstallation();

it("gives a newcomer a tenant's own home page with two commands", async () => {
  const slug = fresh("acme");
  const made = await installation.command(["tenant", "create", slug, "--name", "Acme Ltd", "--wait"]);
  expect(made.code).toBe(0);
  expect(made.stderr).toMatch(/^done: Register the tenant \(\d+ ms\)\n(done: .*\n)+$/);
  expect(made.stdout).toContain(`${slug} is active: http://${slug}.localhost:${installation.gatewayPort}/`);
  const page = await installation.visit(slug);
  expect(page.status).toBe(200);
  expect(page.body).toContain("Acme Ltd");
});

it("passes a signal to `npm start` on to what it started, which ends in order", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "tenantry-e2e-npm-"));
  const flags = ["--data-dir", path.join(directory, "data"), "--api-port", "0", "--gateway-port", "0"];
  const child = spawn("npm", ["start", "--", ...flags], {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
  });
  let said = "";
  child.stdout.on("data", (text) => {
    said += text;
  });
  const finished = finish(child);
  let tree: ReturnType<typeof treeOf> = [];
  try {
    await eventually("it says that it is running", () => said.includes("Ctrl-C stops everything"));
    tree = treeOf(child.pid!);
    child.kill("SIGTERM");
    await finished;
    await eventually("nothing of it runs", () => !tree.some(isAlive));
  } finally {
    await killAll(tree.length > 0 ? tree : treeOf(child.pid!));
    await rm(directory, { recursive: true, force: true });
  }
});
