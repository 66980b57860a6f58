import { writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, it } from "vitest";
import { freePort } from "../../packages/server/src/testing/free-port.ts";
import { finish, spawnTenantry } from "../support/command.ts";
import { fresh } from "../support/fresh.ts";
import { holdAt } from "../support/hold.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

// Nobody answers there: domains stay claims.
const environment = { TENANTRY_DNS_SERVERS: "127.0.0.1:1" };
/** The same one after a restart: whoever waits for the API finds it again. */
const apiPort = String(await freePort("127.0.0.1"));
const installation = useInstallation({ environment, flags: ["--api-port", apiPort] });

/** Tenants that are made and then suspended, or have a parent that is made first. */
async function declared() {
  const [parent, ...others] = ["parent", "one", "two", "three"].map(fresh) as [string, ...string[]];
  const lines = [
    `{ slug: ${parent}, name: Parent, plan: gold }`,
    ...others.map(
      (slug) =>
        `{ slug: ${slug}, name: Child, parent: ${parent}, suspended: unpaid, domains: [${slug}.com, { hostname: ${slug}.test, verified: true }] }`,
    ),
  ];
  const file = path.join(installation.directory, `${parent}.yaml`);
  await writeFile(
    file,
    `apiVersion: tenantry/v1\ntenants:\n${lines.map((line) => `  - ${line}\n`).join("")}`,
  );
  return { file, slugs: [parent, ...others] };
}

const begin = (file: string) =>
  spawnTenantry(["apply", "-f", file, "--yes", "--data-dir", installation.dataDir]);

async function converges({ file, slugs }: { file: string; slugs: readonly string[] }): Promise<void> {
  const again = await installation.command(["apply", "-f", file, "--yes"]);
  expect(again).toMatchObject({ code: 0 });
  const rows = await installation.sql<{ slug: string; status: string }>(
    "select slug, status from tenants where slug = any ($1)",
    [slugs],
  );
  const expected = slugs.map((slug, index) => ({ slug, status: index === 0 ? "active" : "suspended" }));
  expect(rows).toEqual(expect.arrayContaining(expected));
  expect(rows).toHaveLength(expected.length);
  const last = await installation.command(["apply", "-f", file, "--dry-run", "--exit-code"]);
  expect(last).toMatchObject({ code: 0, stdout: expect.stringContaining(`${slugs.length} unchanged`) });
  await becomesWhole(installation);
}

it("kill -9 of an apply half-way: applied again, it goes on with what was begun, and makes it so", async () => {
  const manifest = await declared();
  await using hold = await holdAt(installation, {
    before: "insert",
    on: "placements",
    when: "new.kind = 'cache'",
  });
  const applying = begin(manifest.file);
  const ended = finish(applying);
  await hold.reached();
  process.kill(-applying.pid!, "SIGKILL");
  await ended;
  await hold.release();
  await converges(manifest);
});

it("kill -9 of the whole installation while an apply is under way: it says what is left; applied again, it is so", async () => {
  const manifest = await declared();
  await using hold = await holdAt(installation, {
    before: "update",
    on: "tenants",
    when: "new.status = 'suspended'",
  });
  const ended = finish(begin(manifest.file));
  await hold.reached();
  await installation.kill();
  await installation.start();
  await hold.release();
  // Of what was being asked at that moment nobody knows what came of it; what was begun is waited for.
  const { code, stderr } = await ended;
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("aren't as declared") });
  await converges(manifest);
});
