import type { OperationReply, TenantReply } from "@tenantry/contract";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { givenServer, type TestServer } from "../../packages/server/src/testing/database-servers.ts";
import { testPooler } from "../../packages/server/src/testing/pgbouncer.ts";
import { fresh } from "../support/fresh.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { databaseUrl, query } from "../support/registry.ts";

let server: TestServer;
let pooler: Awaited<ReturnType<typeof testPooler>>;
let installation: Installation;
beforeAll(async () => {
  server = await givenServer(15);
  [pooler, installation] = await Promise.all([testPooler(server.superuserUrl), startInstallation()]);
});
afterAll(async () => {
  await installation?.[Symbol.asyncDispose]();
  await pooler?.stop();
  await server?.stop();
});

const add = (name: string, url: string, ...more: string[]) =>
  installation.command(["server", "add", name, "--database-url", url, ...more]);

/** As a program that is given a URL: what it writes, and all that it sees then. */
async function mediaThrough(url: string, name: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(
      "insert into media (id, name, content_type, size, created_by) values (gen_random_uuid(), $1, 'text/plain', 0, 'me')",
      [name],
    );
    return (await client.query("select name from media")).rows;
  } finally {
    await client.end();
  }
}

async function disposable<Thing extends { stop(): Promise<void> }>(opening: Promise<Thing>) {
  const thing = await opening;
  return { ...thing, [Symbol.asyncDispose]: () => thing.stop() };
}

it("a pooler in the place of the server, and a server in the place of the pooler, are refused before anything is kept", async () => {
  const swapped = new URL(server.url);
  swapped.host = new URL(pooler.url).host;
  expect(await add("wrong", swapped.href)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("name the server itself here, and the pooler beside it"),
  });
  const direct = `postgres://${new URL(server.url).host}`;
  expect(await add("wrong", server.url, "--pooler-url", direct)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("No pooler answers there, but the server itself"),
  });
  expect((await installation.command(["server", "list"])).stdout).not.toContain("wrong");
  expect(await query(server.superuserUrl, "select from pg_roles where rolname ~ '^tnp_'")).toEqual([]);
});

it("tenants of every level on a server behind a pooler are served through it alone, with few backends", async () => {
  await using stack = new AsyncDisposableStack();
  const own = stack.use(await disposable(givenServer(15)));
  const bouncer = stack.use(await disposable(testPooler(own.superuserUrl)));
  const region = fresh("far");
  const through = `postgres://${new URL(bouncer.url).host}`;
  const added = await add(fresh("pooled"), own.url, "--region", region, "--pooler-url", through);
  expect(added).toMatchObject({ code: 0 });
  expect(added.stdout).toContain(new URL(bouncer.url).host);
  const levels = ["shared", "shared", "schema", "database"];
  const slugs = levels.map((level) => fresh(level));
  const names: string[] = [];
  for (const [index, slug] of slugs.entries()) {
    const tenant = await installation.api.createTenant(slug, {
      region,
      isolation: { database: levels[index]! },
    });
    names.push((tenant.environments[0]!.placements.database as { name: string }).name);
  }
  const [shared] = names;
  for (let time = 0; time < 3; time += 1) {
    const pages = await Promise.all(
      slugs.flatMap((slug) => [slug, slug]).map((slug) => installation.visit(slug)),
    );
    for (const [index, page] of pages.entries()) {
      expect(page).toMatchObject({ status: 200 });
      expect(page.body).toContain(`The ${slugs[Math.floor(index / 2)]} company`);
    }
  }
  const secret = await query(databaseUrl(own.superuserUrl, shared!), "select pooled from tenantry.secret");
  expect(secret).toEqual([{ pooled: true }]);
  const [{ backends }] = (await query<{ backends: number }>(
    own.superuserUrl,
    "select count(*)::int as backends from pg_stat_activity where usename ~ '^tnr_' group by usename order by 1 desc limit 1",
  )) as [{ backends: number }];
  expect(backends).toBeLessThanOrEqual(4);

  // Programs of others come through it with their own logins, and are in their environment from the start.
  for (const slug of slugs) {
    const login = new URL((await installation.command(["tenant", "credentials", slug])).stdout.trim());
    login.host = new URL(bouncer.url).host;
    expect(await mediaThrough(login.href, slug)).toEqual([{ name: slug }]);
  }

  const verified = await installation.command(["isolation", "verify"]);
  expect(verified).toMatchObject({ code: 0 });
  await bouncer.stop();
  for (const slug of slugs) expect((await installation.visit(slug)).status).not.toBe(200);
});

it("a server gets a pooler later, and loses it, while its tenants are served", async () => {
  const other = await givenServer(18);
  const bouncer = await testPooler(other.superuserUrl);
  try {
    const [name, region, slug] = [fresh("late"), fresh("late-region"), fresh("late-tenant")];
    expect(await add(name, other.url, "--region", region)).toMatchObject({ code: 0 });
    await installation.api.createTenant(slug, { region, isolation: { database: "shared" } });
    expect((await installation.visit(slug)).status).toBe(200);
    const through = `postgres://${new URL(bouncer.url).host}`;
    const pooled = await installation.command(["server", "update", name, "--pooler-url", through]);
    expect(pooled).toMatchObject({ code: 0 });
    expect((await installation.visit(slug)).status).toBe(200);
    const straight = await installation.command(["server", "update", name, "--no-pooler-url"]);
    expect(straight).toMatchObject({ code: 0 });
    await bouncer.stop();
    expect((await installation.visit(slug)).status).toBe(200);
  } finally {
    await bouncer.stop();
    await other.stop();
  }
});

it("tenants of every level move to a server that isn't ours, behind a pooler and with short timeouts, and back, with all they have", async () => {
  await using stack = new AsyncDisposableStack();
  const other = stack.use(await disposable(givenServer(15)));
  const bouncer = stack.use(await disposable(testPooler(other.superuserUrl)));
  await query(other.superuserUrl, "alter role maker set statement_timeout = '1ms'");
  const [away, region] = [fresh("away"), fresh("region")];
  expect(await installation.command(["server", "update", "embedded", "--region", region])).toMatchObject({
    code: 0,
  });
  const levels = ["shared", "schema", "database"];
  const slugs = levels.map((level) => fresh(level));
  for (const [index, slug] of slugs.entries())
    await installation.api.createTenant(slug, { region, isolation: { database: levels[index]! } });
  const through = `postgres://${new URL(bouncer.url).host}`;
  const how = ["--region", region, "--pooler-url", through, "--statement-timeout", "2000"];
  const added = await add(away, other.url, ...how);
  expect(added).toMatchObject({ code: 0 });
  // A role that only a superuser may put out goes into tenants' databases.
  expect(added.stderr).toContain("auth_dbname");
  const pathOf = (slug: string) => `/v1/tenants/${slug}/environments/production`;
  const credentials = async (slug: string) =>
    (await installation.api.call<{ url: string }>("PUT", `${pathOf(slug)}/credentials`)).body.url;
  const move = (slug: string, body: object) =>
    installation.api.call<OperationReply>("POST", `${pathOf(slug)}/move`, body, { prefer: "wait=60" });
  const seen = new Map(slugs.map((slug) => [slug, [] as string[]]));
  let logins = await Promise.all(slugs.map(credentials));
  for (const server of [away, "embedded"]) {
    const before = logins;
    const places = await Promise.all(slugs.map(placeOf));
    await Promise.all(
      slugs.map(async (slug, index) => {
        seen.get(slug)!.push(`before ${server}`);
        await mediaThrough(before[index]!, `before ${server}`);
        const level = server === away ? {} : { isolation: { database: levels[index]! } };
        const moved = await move(slug, { server, ...level });
        expect([slug, moved.status, moved.body.error]).toEqual([slug, 200, null]);
      }),
    );
    logins = await Promise.all(slugs.map(credentials));
    for (const [index, slug] of slugs.entries()) {
      expect(await placeOf(slug)).toMatchObject({ level: levels[index], server, status: "ready" });
      expect((await installation.visit(slug)).body).toContain(`The ${slug} company`);
      await expect(mediaThrough(before[index]!, "late")).rejects.toThrow();
      const names = (await mediaThrough(logins[index]!, `at ${server}`)) as { name: string }[];
      expect(names.map(({ name }) => name)).toEqual([...seen.get(slug)!, `at ${server}`]);
      seen.get(slug)!.push(`at ${server}`);
      // It is there already.
      expect(await move(slug, { server })).toMatchObject({
        status: 409,
        body: { code: "illegal_transition" },
      });
    }
    if (server === away) continue;
    // What they left behind: nobody's database, and no login.
    const owned = places.map(({ name }) => name);
    const left = `select rolname as name from pg_roles where rolname ~ '^tnl_' union
      select datname from pg_database where datname = '${owned[2]}'`;
    expect(await query(other.superuserUrl, left)).toEqual([]);
  }
});

async function placeOf(slug: string) {
  const { body } = await installation.api.call<TenantReply>("GET", `/v1/tenants/${slug}`);
  const { placements, status } = body.environments[0]!;
  return { ...(placements.database as { level: string; server: string; name: string }), status };
}
