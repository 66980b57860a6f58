import type { OperationReply, TenantReply } from "@tenantry/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type TestRedis, testRedis } from "../../packages/server/src/testing/redis.ts";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { holdAt, recordingOf } from "../support/hold.ts";
import { password, siteUser } from "../support/site-user.ts";
import { killInside } from "../support/steps.ts";
import { killInsideEach, type Place } from "../support/together.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();
let redis: TestRedis;
/** With room for fewer, so that nobody goes there unasked. */
let second: TestRedis;

beforeAll(async () => {
  redis = await testRedis({ lines: ["maxmemory 50mb", "maxmemory-policy allkeys-lru"] });
  const added = await installation.command(["cache", "add", "first", "--redis-url", redis.url, "--json"]);
  expect([added.code, JSON.parse(added.stdout).levels]).toEqual([0, ["prefix", "user", "database"]]);
  second = await testRedis();
  const where = ["--redis-url", second.url, "--capacity", "50"];
  expect((await installation.command(["cache", "add", "second", ...where])).code).toBe(0);
});
afterAll(() => Promise.all([redis?.stop(), second?.stop()]));

type Site = { slug: string; name: string };

/** A tenant with its cache at a level, whose admin has published a home page. */
async function site(level: string): Promise<Site> {
  const slug = fresh(level);
  const admin = { email: `admin@${slug}.example`, password };
  const tenant = await installation.api.createTenant(slug, { admin, isolation: { cache: level } });
  expect(tenant.environments[0]!.placements.cache).toMatchObject({ driver: "redis", level, server: "first" });
  const user = siteUser(installation, slug);
  expect(await user.logIn(admin.email)).toBe(303);
  const page = { title: "Home", slug: "home", body: `Only ${slug} says this.`, intent: "publish" };
  expect((await user.post("/admin/pages", page)).status).toBe(303);
  return { slug, name: await nameOf(slug) };
}

async function nameOf(slug: string): Promise<string> {
  const rows = await installation.sql<{ name: string }>(
    `select p.physical_name as name from placements p join environments e on e.id = p.environment_id
     join tenants t on t.id = e.tenant_id where t.slug = $1 and p.kind = 'cache'`,
    [slug],
  );
  return rows[0]!.name;
}

/** The rendered pages of a site that lie in Redis, in any database. */
async function cachedPages({ name }: Site): Promise<string[]> {
  const found = [];
  for (const database of [0, 1, 2, 3]) {
    found.push(...((await redis.in(database, "KEYS", `${name}:*:page *`)) as string[]));
  }
  return found;
}

const users = async () => (await redis.ask("ACL", "USERS")) as string[];

async function showsItself({ slug }: Site, others: readonly Site[] = []): Promise<void> {
  const { status, body } = await installation.visit(slug);
  expect([status, body]).toEqual([200, expect.stringContaining(`Only ${slug} says this.`)]);
  for (const other of others) expect(body).not.toContain(other.slug);
}

async function remove({ slug }: { slug: string }): Promise<void> {
  const { body } = await installation.api.call<OperationReply>("DELETE", `/v1/tenants/${slug}?now=true`);
  expect(await installation.api.ended(body.id)).toMatchObject({ status: "succeeded" });
}

it("Sites runs unchanged with its tenants' caches in Redis, at every level, and leaves nothing there", async () => {
  const sites = await Promise.all(["prefix", "user", "database"].map(site));
  for (const one of sites) {
    const others = sites.filter((other) => other !== one);
    await showsItself(one, others);
    expect(await cachedPages(one)).toHaveLength(1);
    await showsItself(one, others);
  }
  const [first, second] = sites as [Site, Site];
  const flushed = await installation.command(["tenant", "flush-cache", first.slug]);
  expect([flushed.code, flushed.stdout]).toEqual([0, expect.stringMatching(/\d+ keys of .* are gone/)]);
  expect(await cachedPages(first)).toEqual([]);
  expect(await cachedPages(second)).toHaveLength(1);
  await showsItself(first);
  expect(await cachedPages(first)).toHaveLength(1);
  for (const one of sites) await remove(one);
  expect((await users()).filter((user) => sites.some(({ name }) => name === user))).toEqual([]);
  for (const one of sites) expect(await cachedPages(one)).toEqual([]);
});

it("while Redis is away sites are shown all the same and doctor says so, and one that comes back without its users is mended", async () => {
  const one = await site("user");
  await showsItself(one);
  await redis.kill();
  for (let round = 0; round < 5; round += 1) await showsItself(one);
  const { code, stdout } = await installation.command(["doctor"]);
  expect([code, stdout]).toEqual([
    1,
    expect.stringContaining(`The Redis at 127.0.0.1:${redis.port} doesn't answer: connect ECONNREFUSED`),
  ]);
  await redis.start();
  expect(await users()).not.toContain(one.name);
  await eventually("the site's page is in Redis again", async () => {
    await showsItself(one);
    // Twice, where it was written before the process heard that its epoch went with Redis' memory.
    return (await cachedPages(one)).length > 0;
  });
  expect(await users()).toContain(one.name);
  await remove(one);
});

it("a suspended tenant's user may do nothing in Redis, until the tenant is resumed", async () => {
  const one = await site("user");
  await showsItself(one);
  const keysOf = async () => {
    const facts = (await redis.ask("ACL", "GETUSER", one.name)) as unknown[];
    return facts[facts.indexOf("keys") + 1];
  };
  expect(await keysOf()).toBe(`~${one.name}:*`);
  await installation.api.call("POST", `/v1/tenants/${one.slug}/suspend`);
  await eventually("its user is put out", async () => (await keysOf()) === "");
  await installation.api.call("POST", `/v1/tenants/${one.slug}/resume`);
  await eventually("its user is let in", async () => (await keysOf()) !== "");
  await showsItself(one);
  await remove(one);
});

it("a level that no server has is refused, naming those that can be had", async () => {
  const body = { slug: fresh("own"), name: "Own", isolation: { cache: "own" } };
  const refused = await installation.api.call<{ code: string; detail: string }>("POST", "/v1/tenants", body);
  expect([refused.status, refused.body.code]).toEqual([422, "isolation_unavailable"]);
  expect(refused.body.detail).toMatch(/available: prefix, user, database/);
});

it("kill -9 of everything right after a cache's user was made: the tenant gets it, and nothing is left over", async () => {
  const slug = fresh("killed");
  const begin = async () => {
    const body = { slug, name: slug, isolation: { cache: "user" } };
    return (await installation.api.call<OperationReply>("POST", "/v1/tenants", body)).body.id;
  };
  const when = "new.kind = 'cache' and new.state = 'present'";
  const point = { before: "update", on: "resources", when } as const;
  const ended = await killInside(installation, { step: "prepare-cache", point }, begin);
  expect(ended).toMatchObject({ status: "succeeded" });
  const { body: tenant } = await installation.api.call<TenantReply>("GET", `/v1/tenants/${slug}`);
  expect(tenant.status).toBe("active");
  expect(await users()).toContain(await nameOf(slug));
  await becomesWhole(installation);
  await remove({ slug });
  await becomesWhole(installation);
});

const move = (slug: string, body: object) =>
  installation.api.call<OperationReply>("POST", `/v1/tenants/${slug}/environments/production/move`, body, {
    prefer: "wait=60",
  });

async function placementOf(slug: string) {
  const { body } = await installation.api.call<TenantReply>("GET", `/v1/tenants/${slug}`);
  return body.environments[0]!.placements.cache as { driver: string; level?: string; generation: number };
}

it("a cache goes to another Redis with all its keys and the time that they have left, to memory and back empty, and is another level where it stands", async () => {
  const one = await site("user");
  await showsItself(one);
  await redis.ask("RPUSH", `${one.name}:jobs`, "first", "ünicode");
  await redis.ask("SET", `${one.name}:short`, "\u0001\u00ff", "PX", "600000");
  const [page] = await cachedPages(one);
  const rendered = await redis.ask("GET", page!);
  const moved = await installation.command([
    "tenant",
    "move",
    one.slug,
    "--cache",
    "database",
    "--cache-server",
    "second",
    "--yes",
    "--wait",
  ]);
  expect([moved.code, moved.stdout]).toEqual([0, expect.stringContaining("cache database on second")]);
  const name = await nameOf(one.slug);
  const there = (...command: string[]) => second.in(Number(name.split("_").at(-1)), ...command);
  expect(await there("LRANGE", `${name}:jobs`, "0", "-1")).toEqual(["first", "ünicode"]);
  expect(await there("GET", `${name}:short`)).toBe("\u0001\u00ff");
  const left = (await there("PTTL", `${name}:short`)) as number;
  expect(left > 500_000 && left <= 600_000).toBe(true);
  const movedPage = page!.replace(`${one.name}:1:`, `${name}:2:`);
  expect(await there("GET", movedPage)).toBe(rendered);
  expect(await users()).not.toContain(one.name);
  expect(await redis.ask("KEYS", `${one.name}:*`)).toEqual([]);
  await showsItself(one);
  const events = await installation.sql<{ data: object }>(
    "select data from tenantry.events where type = 'environment.moved' and data->>'slug' = $1",
    [one.slug],
  );
  expect(events).toEqual([
    {
      data: expect.objectContaining({
        cache: { from: "user", to: "database" },
        cacheKeys: expect.any(Number),
      }),
    },
  ]);
  expect(await move(one.slug, { cacheServer: "memory", isolation: { cache: "prefix" } })).toMatchObject({
    status: 200,
    body: { status: "succeeded" },
  });
  expect(await placementOf(one.slug)).toMatchObject({ driver: "memory", generation: 3 });
  expect(await there("KEYS", `${name}:*`)).toEqual([]);
  await showsItself(one);
  for (const cache of ["user", "prefix"])
    expect(await move(one.slug, { isolation: { cache } })).toMatchObject({ body: { status: "succeeded" } });
  const back = { driver: "redis", server: "first", level: "prefix", generation: 4 };
  expect(await placementOf(one.slug)).toMatchObject(back);
  await showsItself(one);
  await remove(one);
  await becomesWhole(installation);
});

const places = ["close", "copy"].map((step): Place => {
  return { step, when: "when all is done but recording it", point: recordingOf(step) };
});
const forgotten = { before: "delete", on: "placements", when: "old.state = 'retired'" } as const;
places.push({ step: "clean-up", when: "before it is forgotten", point: forgotten });

it("after kill -9 of everything at any step of a move of a cache, the tenant arrives with it, and nothing is left over", async () => {
  const made = await Promise.all(places.map(() => site("user")));
  for (const { name } of made) await redis.ask("SET", `${name}:kept`, name);
  const sites = new Map(places.map((place, index) => [place, made[index]!]));
  const all = await killInsideEach(installation, places, async (place) => {
    const { slug } = sites.get(place)!;
    const target = `/v1/tenants/${slug}/environments/production/move`;
    const body = { cacheServer: "second" };
    return (await installation.api.call<OperationReply>("POST", target, body)).body.id;
  });
  for (const { place, ended } of all)
    expect([place.step, ended.status, ended.error]).toEqual([place.step, "succeeded", null]);
  for (const { name } of made) {
    expect(await second.ask("GET", `${name}:kept`)).toBe(name);
    expect(await redis.ask("KEYS", `${name}:*`)).toEqual([]);
    expect(await users()).not.toContain(name);
  }
  for (const one of made) await showsItself(one);
  for (const one of made) await remove(one);
  await becomesWhole(installation);
});

it("a move of a cache that is cancelled before the tenant is sent there lets its user in again, who was shut out meanwhile", async () => {
  const one = await site("user");
  await showsItself(one);
  const keysOf = async () => {
    const facts = (await redis.ask("ACL", "GETUSER", one.name)) as unknown[];
    return facts[facts.indexOf("keys") + 1];
  };
  const point = { before: "update", on: "placements", when: "new.state = 'retired'" } as const;
  await using hold = await holdAt(installation, point);
  const target = `/v1/tenants/${one.slug}/environments/production/move`;
  const { body } = await installation.api.call<OperationReply>("POST", target, { cacheServer: "second" });
  await hold.reached();
  expect(await keysOf()).toBe("");
  await installation.api.call("POST", `/v1/operations/${body.id}/cancel`);
  await hold.release();
  expect(await installation.api.ended(body.id)).toMatchObject({ status: "cancelled" });
  expect(await keysOf()).toBe(`~${one.name}:*`);
  await showsItself(one);
  expect(await cachedPages(one)).toHaveLength(1);
  await remove(one);
  await becomesWhole(installation);
});
