import { writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { TenantReply } from "@tenantry/contract";
import { expect, it } from "vitest";
import { fresh } from "../support/fresh.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { useInstallation } from "../support/use-installation.ts";

// Nobody answers there: what isn't vouched for stays a claim.
const environment = { TENANTRY_DNS_SERVERS: "127.0.0.1:1" };
const installation = useInstallation({ environment });

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

const agency = fileURLToPath(new URL("../../docs/examples/agency/template.yaml", import.meta.url));

it("what one installation exports makes the same tenants on an empty one, whose export is the same text", async () => {
  const [group, leaf, plain, made] = [fresh("group"), fresh("leaf"), fresh("plain"), fresh("made")];
  const template = fresh("agency");
  const addTemplate = (to: Installation) =>
    to.command(["template", "create", template, "--from", agency]).then(({ code }) => expect(code).toBe(0));
  await addTemplate(installation);
  const file = await declared([
    `{ slug: ${group}, name: Group, domains: [bücher.${group}.de, { hostname: ${group}.test, verified: true }], plan: gold, clientId: ${group}-1, isolation: { database: schema } }`,
    `{ slug: ${leaf}, name: "Leaf: 1", parent: ${group}, visibleToParent: true, groups: [b, a], language: de, suspended: "over: quota" }`,
    `{ slug: ${plain}, name: Plain, settings: { maxUsers: 3, customDomains: false }, domains: [${plain}.com], isolation: { database: shared }, template: null }`,
    `{ slug: ${made}, name: Made, template: ${template} }`,
  ]);
  expect((await json("apply", "-f", file, "--yes")).code).toBe(0);
  // It gives up what its template gave it.
  const bare = await declared([
    `{ slug: ${made}, name: Made, plan: null, groups: [], settings: { maxPages: null } }`,
  ]);
  expect((await json("apply", "-f", bare, "--yes")).code).toBe(0);

  const named = [group, leaf, plain, made].flatMap((slug) => ["--tenant", slug]);
  const exported = path.join(installation.directory, `${group}.yaml`);
  const text = (await installation.command(["export", ...named])).stdout;
  await writeFile(exported, text);
  expect(await json("apply", "-f", exported, "--yes")).toMatchObject({
    body: { counts: { done: 0, unchanged: 4 } },
  });

  await using empty = await startInstallation({ environment });
  await addTemplate(empty);
  const applied = await empty.command(["apply", "-f", exported, "--yes"]);
  expect(applied).toMatchObject({ code: 0 });
  expect((await empty.command(["export"])).stdout).toBe(text);

  // Whatever was changed since goes back to what stands there.
  const elsewhere = ["tenant", "update", plain, "--plan", "gold", "--group", "x"];
  expect((await empty.command(elsewhere)).code).toBe(0);
  expect((await empty.command(["tenant", "suspend", group])).code).toBe(0);
  expect((await empty.command(["apply", "-f", exported, "--yes"])).code).toBe(0);
  expect((await empty.command(["export"])).stdout).toBe(text);
});

it("domains are claimed and taken away as declared, kept where none are declared, and left alone in every state", async () => {
  const [one, two, www] = [fresh("one"), fresh("two"), fresh("www")];
  const shop = `{ hostname: shop.${one}.test, verified: true }`;
  const lines = (first: string) => [
    `{ slug: ${one}, name: One${first} }`,
    `{ slug: ${two}, name: Two, domains: [${www}.com], settings: { customDomains: false } }`,
  ];
  const file = await declared(lines(`, domains: [${www}.com, bücher.${www}.de, ${shop}]`));
  const applied = await installation.command(["apply", "-f", file, "--yes"]);
  expect(applied).toMatchObject({ code: 0 });
  expect(applied.stdout).toMatch(new RegExp(`domains\\.${www}\\.com +- +production\\n`));
  expect(applied.stdout).toMatch(
    new RegExp(`bücher\\.${www}\\.de +TXT +_tenantry-challenge\\.xn--bcher-kva\\.`),
  );
  const unchanged = { code: 0, body: { counts: { done: 0, unchanged: 2 } } };
  expect(await json("apply", "-f", file, "--yes")).toMatchObject(unchanged);
  // Proven, it is no other thing than declared.
  await installation.command(["domain", "verify", one, `${www}.com`, "--verified"]);
  expect(await json("apply", "-f", file, "--yes")).toMatchObject(unchanged);
  expect(await json("apply", "-f", await declared(lines("")), "--yes")).toMatchObject(unchanged);

  const named = ["--tenant", one, "--tenant", two];
  const text = (await installation.command(["export", ...named])).stdout;
  const exported = path.join(installation.directory, `${www}.yaml`);
  await writeFile(exported, text);
  expect(await json("apply", "-f", exported, "--yes")).toMatchObject(unchanged);

  const fewer = await declared(lines(`, domains: [${shop}]`));
  expect(await json("apply", "-f", fewer, "--yes")).toMatchObject({ body: { counts: { done: 1 } } });
  expect((await installation.command(["domain", "list", one])).stdout).not.toContain(www);
  expect(await json("apply", "-f", await declared(lines(", domains: []")), "--yes")).toMatchObject({
    code: 0,
  });
  const list = await installation.api.call<{ items: unknown[] }>("GET", `/v1/tenants/${one}/domains`);
  expect(list.body.items).toEqual([]);
});

it("a domain that is refused, or another tenant's, is told by its line before anything is done", async () => {
  const [off, holder, late, old] = [fresh("off"), fresh("holder"), fresh("late"), fresh("old")];
  for (const slug of [off, holder, old]) await installation.api.createTenant(slug, { name: "Any" });
  await installation.command(["settings", "set", "customDomains=false", "--tenant", off]);
  const taken = `${holder}.com`;
  await installation.command(["domain", "add", holder, taken, "--verified"]);
  const line = `{ slug: ${late}, name: Late, domains: [www.${taken}, ${taken}] }`;
  const refused = await declared([line, `{ slug: ${off}, name: Any, domains: [${off}.com] }`]);
  const first = await installation.command(["apply", "-f", refused, "--yes"]);
  expect(first).toMatchObject({ code: 1, stdout: expect.stringContaining(`.yaml:4:`) });
  expect(first.stdout).toContain(`The setting customDomains is off: ${off}.com can't be added.`);
  expect((await installation.command(["tenant", "show", late])).code).toBe(1);

  const nowhere = `{ slug: ${holder}, name: Any, domains: [{ hostname: ${taken}, environment: stagin }] }`;
  const lost = await installation.command(["apply", "-f", await declared([nowhere]), "--yes"]);
  expect(lost.stdout).toContain(`.yaml:3:${4 + nowhere.indexOf("{ hostname") + 1}: ${holder}: domains[0]: `);

  await installation.command(["domain", "add", old, `${old}.com`]);
  const other = `{ slug: ${old}, name: Any, domains: [${taken}] }`;
  const alone = await declared([line, other]);
  const columns = [line, other].map((text) => 4 + text.indexOf(`${taken}]`) + 1);
  for (const how of ["--yes", "--dry-run"]) {
    const { code, stdout } = await installation.command(["apply", "-f", alone, how]);
    expect(code).toBe(1);
    for (const at of [`3:${columns[0]}: ${late}: domains[1]`, `4:${columns[1]}: ${old}: domains[0]`])
      expect(stdout).toContain(`${alone}:${at}: ${holder} has proven that ${taken} is its own.`);
  }
  const odd = await declared([`{ slug: ${late}, name: Late, domains: [shop.localhost, co.uk] }`]);
  const { stdout } = await installation.command(["apply", "-f", odd, "--dry-run"]);
  expect(stdout.match(/domains\[\d\]: .*/g)).toHaveLength(2);
  expect((await installation.command(["tenant", "show", late])).code).toBe(1);
  expect((await installation.command(["domain", "list", old])).stdout).toContain(`${old}.com`);
});

it("a tenant that has all the domains that it may can have another one for one of them", async () => {
  const slug = fresh("full");
  const named = (first: number) =>
    declared([
      `{ slug: ${slug}, name: Full, domains: [${Array.from({ length: 100 }, (_, at) => `www${first + at}.${slug}.com`)}] }`,
    ]);
  for (const first of [0, 1])
    expect(await json("apply", "-f", await named(first), "--yes")).toMatchObject({
      ...{ code: 0, body: { counts: { done: 1 } } },
    });
  const page = await installation.api.call<{ items: { hostname: string }[] }>(
    ...(["GET", `/v1/tenants/${slug}/domains?limit=100`] as const),
  );
  const hostnames = page.body.items.map(({ hostname }) => hostname);
  expect([hostnames.length, hostnames.includes(`www100.${slug}.com`)]).toEqual([100, true]);
});

it("two operators who apply the same file at once both end well, and each tenant is made once", async () => {
  const slugs = Array.from({ length: 5 }, () => fresh("both"));
  const lines = slugs.map((slug, index) => {
    const more =
      index % 2 === 0
        ? "suspended: unpaid"
        : `settings: { maxUsers: 3 }, domains: [a.${slug}.com, b.${slug}.com]`;
    return `{ slug: ${slug}, name: Both, groups: [a], ${more} }`;
  });
  const file = await declared(lines);
  const ends = await Promise.all([1, 2].map(() => json("apply", "-f", file, "--yes")));
  for (const { code, stderr } of ends) expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(await json("apply", "-f", file, "--yes")).toMatchObject({
    body: { counts: { done: 0, unchanged: 5 } },
  });
  const changed = await declared(
    lines.map((line) => line.replace("name: Both", "name: Changed").replace(/\[a\.both/, "[c.both")),
  );
  const again = await Promise.all([1, 2].map(() => json("apply", "-f", changed, "--yes")));
  for (const { code, stderr } of again) expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

it("makes parents before their children, moves a child, and writes down whose child it is", async () => {
  const [group, leaf, other] = [fresh("group"), fresh("leaf"), fresh("other")];
  const lines = (parent: string, visibleToParent = parent !== "null") => [
    `{ slug: ${leaf}, name: Leaf, parent: ${parent}, visibleToParent: ${visibleToParent} }`,
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
  expect(exported.stdout).toContain(`parent: ${other}\n    visibleToParent: true\n`);
  const again = await json("apply", "-f", await declared(lines(other)), "--yes");
  expect(again).toMatchObject({ code: 0, body: { counts: { done: 0, unchanged: 3 } } });
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
    `{ slug: ${old}, name: Renamed, app: another }`,
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

it("another database level moves the tenant, once", async () => {
  const slug = fresh("mover");
  await installation.api.createTenant(slug, { isolation: { database: "shared" } });
  const file = await declared([`{ slug: ${slug}, name: Mover, isolation: { database: schema } }`]);
  const plan = await installation.command(["apply", "-f", file, "--dry-run"]);
  expect(plan.stdout).toContain("1 to move");
  expect(await json("apply", "-f", file, "--yes")).toMatchObject({ code: 0, body: { counts: { done: 1 } } });
  const { body } = await installation.api.call<TenantReply>("GET", `/v1/tenants/${slug}`);
  expect(body.environments[0]!.placements.database).toMatchObject({ level: "schema" });
  expect(await json("apply", "-f", file, "--yes")).toMatchObject({
    code: 0,
    body: { counts: { unchanged: 1 } },
  });
});
