import type { AppReply, CredentialsReply, MigrationListReply, OperationReply } from "@tenantry/contract";
import pg from "pg";
import { expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { useInstallation } from "../support/use-installation.ts";

const installation = useInstallation();
const { api } = installation;

const first = "create table notes (id int, body text);";

const release = (...texts: string[]) => ({
  upstreamUrl: "http://127.0.0.1:9",
  migrations: texts.map((sql, index) => ({ name: `000${index + 1}.sql`, sql })),
});

type Tenants = Record<string, { one: string; other: string }>;

/** An app with two tenants at each of some levels. */
async function newApp(...levels: string[]): Promise<{ app: string; tenants: Tenants }> {
  const app = fresh("app");
  const made = await api.call<AppReply & { operationId: string }>("POST", "/v1/apps", {
    slug: app,
    ...release(first),
  });
  expect(await api.ended(made.body.operationId)).toMatchObject({ status: "succeeded" });
  const tenants: Tenants = {};
  for (const level of levels) {
    const pair = { one: fresh(`one-${level}`), other: fresh(`other-${level}`) };
    for (const slug of Object.values(pair))
      await api.createTenant(slug, { app, isolation: { database: level } });
    tenants[level] = pair;
  }
  return { app, tenants };
}

async function begin(path: string, body: object): Promise<string> {
  const reply = await api.call<OperationReply>("POST", path, body);
  expect(reply.status).toBe(202);
  return reply.body.id;
}

/** A script on the rows of single tenants, one after another. */
async function run(app: string, slugs: readonly string[], sql: string): Promise<void> {
  for (const tenant of slugs) {
    const id = await begin(`/v1/apps/${app}/script-runs`, { name: "rows.sql", sql, tenant });
    expect(await api.ended(id)).toMatchObject({ status: "succeeded" });
  }
}

const listed = async (app: string) =>
  (await api.call<MigrationListReply>("GET", `/v1/apps/${app}/migrations?limit=100`)).body;

/** That every database is what its schema version makes, and no more than that. */
async function nothingDrifted(app: string): Promise<void> {
  const { code, stdout, stderr } = await installation.command(["schema", "drift", "--app", app]);
  expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: expect.stringContaining(", 0 differ") });
}

/** A session as the tenant's own, for as long as the test lasts. */
async function sessionOf(slug: string): Promise<pg.Client> {
  const { stdout } = await installation.command(["tenant", "credentials", slug, "--json"]);
  const { url } = JSON.parse(stdout) as CredentialsReply;
  const client = new pg.Client({ connectionString: url });
  // A cancelled migration may end whoever stands in its way.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

it("a file that fails half-way on a tenant's rows leaves nothing of itself there, at any level; mended, it comes whole", async () => {
  const { app, tenants } = await newApp("shared", "schema", "database", "sqlite");
  const broken = Object.values(tenants).map(({ one }) => one);
  await run(app, broken, "insert into notes (id) values (1), (1);");
  const second = `create table half (id int);
insert into half values (1);
alter table notes add column stars int;
create unique index notes_id on notes (id);`;
  const released = await begin(`/v1/apps/${app}/releases`, { ...release(first, second), maxFailures: 6 });
  expect(await api.ended(released)).toMatchObject({ status: "succeeded" });
  const { items } = await listed(app);
  const kept = items.filter(({ schemaVersion }) => schemaVersion === 1).map(({ tenantSlug }) => tenantSlug);
  // Who shares a database shares its schema.
  expect(kept.sort()).toEqual([...broken, tenants.shared!.other].sort());
  for (const { level, failure } of items.filter(({ state }) => state === "failed")) {
    // SQLite doesn't say at which place.
    const detail = expect.stringMatching(level === "sqlite" ? /^0002\.sql: / : /^0002\.sql, line 4/);
    expect({ level, ...failure }).toMatchObject({ code: "migration_failed", detail });
  }
  await nothingDrifted(app);
  await run(app, broken, "delete from notes;");
  expect(await api.ended(await begin(`/v1/apps/${app}/migrations`, {}))).toMatchObject({
    status: "succeeded",
  });
  expect((await listed(app)).counts).toEqual({
    ...{ environments: 8, current: 8, behind: 0, failed: 0, heldBack: 0 },
  });
  await nothingDrifted(app);
});

it("a file that waits for a tenant's transaction keeps no neighbour waiting, and comes when that is over", async () => {
  const { app, tenants } = await newApp("shared", "schema", "database");
  const pairs = Object.values(tenants);
  const holders = await Promise.all(pairs.map(({ one }) => sessionOf(one)));
  const neighbours = await Promise.all(pairs.map(({ other }) => sessionOf(other)));
  try {
    for (const holder of holders) await holder.query("begin; insert into notes (id) values (1)");
    const second = "alter table notes add column stars int default 0;";
    const released = await begin(`/v1/apps/${app}/releases`, release(first, second));
    await eventually("those that nobody holds are done, and the others are waited for", async () => {
      const { items } = await listed(app);
      return items.filter(({ schemaVersion }) => schemaVersion === 2).length === 2;
    });
    // Nobody gets past whoever waits for a table: so he may wait for moments only.
    for (let round = 0; round < 20; round += 1) {
      for (const neighbour of neighbours) {
        const answered = neighbour.query("insert into notes (id) values (2)");
        const late = AbortSignal.timeout(5_000);
        await Promise.race([
          answered,
          new Promise((_resolve, reject) => {
            late.addEventListener("abort", () => reject(new Error("A neighbour waits.")), { once: true });
          }),
        ]);
      }
    }
    const { body: meanwhile } = await api.call<OperationReply>("GET", `/v1/operations/${released}`);
    expect(meanwhile).toMatchObject({ status: "running", error: null });
    for (const holder of holders) await holder.query("commit");
    expect(await api.ended(released)).toMatchObject({ status: "succeeded" });
    for (const client of holders)
      expect((await client.query("select id, stars from notes")).rows).toEqual([{ id: 1, stars: 0 }]);
  } finally {
    for (const client of [...holders, ...neighbours]) await client.end().catch(() => undefined);
  }
});

it("a file that hangs on tenants' rows is ended by a cancel within moments, and nothing of it stays", async () => {
  const { app, tenants } = await newApp("shared", "schema", "database");
  const hanging = Object.values(tenants).map(({ one }) => one);
  await run(app, hanging, "insert into notes (id) values (1);");
  const second = `alter table notes add column stars int;
update notes set stars = length(pg_sleep(3600)::text);`;
  const released = await begin(`/v1/apps/${app}/releases`, release(first, second));
  const atWork =
    "select pid from pg_stat_activity where state = 'active' and query ~ 'pg_sleep\\(3600\\)' and pid <> pg_backend_pid()";
  await eventually("all three hang", async () => (await installation.sql(atWork)).length === 3);
  expect((await api.call("POST", `/v1/operations/${released}/cancel`)).status).toBeLessThan(300);
  expect(await api.ended(released)).toMatchObject({ status: "cancelled" });
  await eventually("their statements are ended", async () => (await installation.sql(atWork)).length === 0);
  const neighbour = await sessionOf(tenants.shared!.other);
  await neighbour.query("insert into notes (id) values (3)");
  await neighbour.end();
  expect((await listed(app)).schemaVersion).toBe(1);
});
