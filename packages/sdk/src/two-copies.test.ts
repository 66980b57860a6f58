import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { testInstallation } from "./testing/installation.ts";

const source = fileURLToPath(new URL(".", import.meta.url));
const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));

test("two copies of the package in one process share the tenant and know each other's errors", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "tenantry-sdk-copies-"));
  const installation = await testInstallation();
  try {
    for (const copy of ["first", "second"]) await cp(source, path.join(directory, copy), { recursive: true });
    await symlink(modules, path.join(directory, "node_modules"));
    const { id } = installation.addTenant("acme");
    const script = path.join(directory, "script.mjs");
    await writeFile(
      script,
      `import * as first from "./first/index.ts";
      import * as second from "./second/index.ts";
      const options = { url: "${installation.url}", appKey: "${installation.appKey}" };
      const [one, other] = [first.createTenantry(options), second.createTenantry(options)];
      const seen = await one.run("${id}", async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return [other.current().tenant.slug, other.settings.get("colour")];
      });
      const error = await other.run("env_nobody", () => 1).catch((reason) => reason);
      seen.push(first !== second, error instanceof first.TenantryError, first.isTenantryError(error));
      await Promise.all([one.close(), other.close()]);
      process.stdout.write(JSON.stringify(seen));`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, [script]);
    expect(JSON.parse(stdout)).toEqual(["acme", "green", true, false, true]);
  } finally {
    installation.stop();
    await rm(directory, { recursive: true });
  }
});
