import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { useInstallation } from "../support/use-installation.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const guide = await readFile(path.join(root, "docs", "guides", "templates.md"), "utf8");
const example = path.join(root, "docs", "examples", "agency");

const installation = useInstallation();

/** The commands of the guide, as they stand but for the port, where npx finds us, and what is asked. */
const commands = [...guide.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1]!);

async function shell(script: string): Promise<string> {
  const preparation = [
    "set -e",
    `npx() { shift; '${process.execPath}' '${root}/packages/cli/bin/tenantry.js' "$@"; }`,
  ].join("\n");
  const lines = `${preparation}\n${script}`.replaceAll(":8585/", `:${installation.gatewayPort}/`);
  const env = { ...process.env, TENANTRY_DATA_DIR: installation.dataDir };
  const { stdout } = await promisify(execFile)("bash", ["-c", lines], { cwd: root, env });
  return stdout;
}

it("the guide shows the example as it is", async () => {
  const [shown] = [...guide.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1]);
  expect(shown).toBe(await readFile(path.join(example, "template.yaml"), "utf8"));
});

it("the guide's commands all work, and a site stands as its template says [REG-11]", async () => {
  // What a try before left.
  await shell("npx tenantry tenant delete northwind --now --yes --wait || true").catch(() => undefined);
  await shell("npx tenantry template delete agency --yes || true").catch(() => undefined);
  const said = await shell(commands.join("\n"));
  expect(said).toContain("agency@1");
  expect(said).toContain("Welcome to Northwind");
  const home = await installation.visit("northwind");
  for (const page of ["services", "work", "about", "contact"]) expect(home.body).toContain(`/${page}`);
  const picture = await installation.visit(
    "northwind",
    "/media/0190a000-0000-7000-8000-00000000a001/studio.png",
  );
  expect(picture).toMatchObject({ status: 200, headers: { "content-type": "image/png" } });
  const stored = await readFile(path.join(example, "files/media/0190a000-0000-7000-8000-00000000a001"));
  expect(picture.headers["content-length"]).toBe(String(stored.length));
});
