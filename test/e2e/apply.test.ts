import { writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, it } from "vitest";
import { fresh } from "../support/fresh.ts";
import { useInstallation } from "../support/use-installation.ts";

const installation = useInstallation();

async function declared(lines: readonly string[]): Promise<string> {
  const file = path.join(installation.directory, `${fresh("tenants")}.yaml`);
  await writeFile(
    file,
    ["apiVersion: tenantry/v1", "tenants:", ...lines.map((line) => `  - ${line}`), ""].join("\n"),
  );
  return file;
}

async function json(...args: string[]) {
  const { code, stdout, stderr } = await installation.command([...args, "--json"]);
  return { code, stderr, body: JSON.parse(stdout || "null") as { counts: Record<string, number> } };
}

it("converges, changes nothing the second time, and reads what export writes", async () => {
  const [one, two] = [fresh("one"), fresh("two")];
  const file = await declared([
    `{ slug: ${one}, name: One, groups: [b, a], settings: { maxUsers: 20 } }`,
    `{ slug: ${two}, name: Two, suspended: unpaid }`,
  ]);
  expect((await json("apply", "-f", file, "--dry-run", "--exit-code")).code).toBe(3);
  const first = await json("apply", "-f", file, "--yes");
  expect(first).toMatchObject({ code: 0, stderr: "", body: { counts: { done: 2, failed: 0 } } });
  expect((await installation.visit(one)).status).toBe(200);
  expect((await installation.visit(two)).status).toBe(503);
  const again = await json("apply", "-f", file, "--yes");
  expect(again).toMatchObject({ code: 0, body: { counts: { done: 0, unchanged: 2 } } });

  const exported = path.join(installation.directory, `${one}.yaml`);
  const named = ["--tenant", one, "--tenant", two];
  expect((await installation.command(["export", ...named, "-o", exported])).code).toBe(0);
  const planned = await json("apply", "-f", exported, "--dry-run", "--exit-code");
  expect(planned).toMatchObject({ code: 0, body: { counts: { unchanged: 2 } } });

  const changed = await declared([
    `{ slug: ${one}, name: One Ltd, settings: { maxUsers: null } }`,
    `{ slug: ${two}, name: Two, suspended: false }`,
  ]);
  expect(await json("apply", "-f", changed, "--yes")).toMatchObject({
    code: 0,
    body: { counts: { done: 2 } },
  });
  expect((await installation.visit(two)).status).toBe(200);
});

it("makes parents before their children, moves a child, and writes down whose child it is", async () => {
  const [group, leaf, other] = [fresh("group"), fresh("leaf"), fresh("other")];
  const lines = (parent: string) => [
    `{ slug: ${leaf}, name: Leaf, parent: ${parent} }`,
    `{ slug: ${group}, name: Group, plan: gold }`,
    `{ slug: ${other}, name: Other }`,
  ];
  const first = await json("apply", "-f", await declared(lines(group)), "--yes", "--concurrency", "1");
  expect(first).toMatchObject({ code: 0, body: { counts: { done: 3 } } });
  const show = await installation.command(["tenant", "show", leaf]);
  expect(show.stdout).toMatch(new RegExp(`Plan +gold \\(from ${group}\\)`));
  expect((await installation.command(["tenant", "tree", group])).stdout).toMatch(
    new RegExp(`^${group} .*\\n└─ ${leaf} `),
  );
  const moved = await json("apply", "-f", await declared(lines(other)), "--yes");
  expect(moved).toMatchObject({ code: 0, body: { counts: { done: 1, unchanged: 2 } } });
  const exported = await installation.command(["export", "--tenant", leaf]);
  expect(exported.stdout).toContain(`parent: ${other}\n`);
  const undone = await json("apply", "-f", await declared(lines("null")), "--yes");
  expect(undone).toMatchObject({ code: 0, body: { counts: { done: 1 } } });
});

it("one that is refused keeps nobody else from it, and the next run goes on", async () => {
  const [good, bad] = [fresh("good"), fresh("bad")];
  const lines = (app: string) => [
    `{ slug: ${bad}, name: Bad, app: ${app} }`,
    `{ slug: ${good}, name: Good }`,
  ];
  const first = await json("apply", "-f", await declared(lines("no-such-app")), "--yes");
  expect(first).toMatchObject({ code: 1, body: { counts: { done: 1, failed: 1 } } });
  expect(first.stderr).toContain("apply_incomplete");
  const second = await json("apply", "-f", await declared(lines("sites")), "--yes");
  expect(second).toMatchObject({ code: 0, body: { counts: { done: 1, unchanged: 1 } } });
});

it("what can't be changed in place, or nobody said yes to, leaves everything as it is", async () => {
  const [old, never] = [fresh("old"), fresh("never")];
  await installation.api.createTenant(old);
  const file = await declared([
    `{ slug: ${never}, name: Never }`,
    `{ slug: ${old}, name: Renamed, isolation: { database: shared } }`,
  ]);
  expect(await json("apply", "-f", file, "--yes")).toMatchObject({
    code: 1,
    body: { counts: { refused: 1 } },
  });
  const asked = await installation.command([
    "apply",
    "-f",
    await declared([`{ slug: ${never}, name: Never }`]),
  ]);
  expect(asked.code).toBe(1);
  expect((await installation.command(["tenant", "show", never])).code).toBe(1);
});
