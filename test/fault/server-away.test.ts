import type { AppReply, MigrationListReply, OperationReply, TenantReply } from "@tenantry/contract";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type TestPostgres, testPostgres } from "../../packages/server/src/testing/postgres.ts";
import { type Severable, severableTo } from "../../packages/server/src/testing/severable.ts";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { query, withClient } from "../support/registry.ts";
import { useInstallation } from "../support/use-installation.ts";

/** Beside the server that it brings along, in the region "near", the installation has one in "far" that can be cut off. */
const installation = useInstallation();
const { api } = installation;

let elsewhere: TestPostgres;
let way: Severable;
beforeAll(async () => {
  elsewhere = await testPostgres();
  way = await severableTo(elsewhere.url);
  // The emptiest of all, by its capacity: what no tenant has, such as a release's trial, comes here first.
  const given = { name: "far", url: way.url, region: "far", capacity: 1_000_000 };
  expect(await api.call("POST", "/v1/servers", given)).toMatchObject({ status: 201 });
  expect(await api.call("PATCH", "/v1/servers/embedded", { region: "near" })).toMatchObject({ status: 200 });
});
beforeEach(() => way.restore());
afterAll(async () => {
  await way?.close();
  await elsewhere?.stop();
});

const first = "create table notes (id int);";
/** Can't be applied twice. */
const second = "alter table notes add column stars int; insert into notes values (2, 2);";

const release = (...texts: string[]) => ({
  upstreamUrl: "http://127.0.0.1:9",
  migrations: texts.map((sql, index) => ({ name: `000${index + 1}.sql`, sql })),
});

async function newApp(): Promise<string> {
  const app = fresh("app");
  const made = await api.call<AppReply & { operationId: string }>("POST", "/v1/apps", {
    slug: app,
    ...release(first),
  });
  expect(await api.ended(made.body.operationId)).toMatchObject({ status: "succeeded" });
  return app;
}

const statusOf = async (slug: string) =>
  (await api.call<TenantReply>("GET", `/v1/tenants/${slug}`)).body.status;

async function begin(app: string, slug: string): Promise<string> {
  const body = { slug, name: slug, app, region: "far" };
  return (await api.call<OperationReply>("POST", "/v1/tenants", body)).body.id;
}

it("a tenant whose server goes away while its database is made waits, and is made once it is back; neighbours go on", async () => {
  const app = await newApp();
  const held = await withClient(elsewhere.url, async (client) => {
    await client.query("begin; lock table pg_catalog.pg_database in share mode");
    // Others take what stands ready, until one finds the shelf empty.
    const begun = await eventually("one waits for its database", async () => {
      const slug = fresh("far");
      const operationId = await begin(app, slug);
      const waits = eventually("it waits", async () => {
        const rows = await query(
          elsewhere.url,
          `select from pg_locks l join pg_stat_activity a on a.pid = l.pid
           where l.relation = 'pg_database'::regclass and not l.granted and a.application_name like $1`,
          [`tenantry/${operationId.replace("op_", "")}/%`],
        );
        return rows.length > 0 || (await statusOf(slug)) === "active";
      });
      await waits;
      return (await statusOf(slug)) === "active" ? undefined : { slug, operationId };
    });
    await way.sever();
    return begun;
  });
  const told = await eventually("it is tried again", async () => {
    const { body } = await api.call<OperationReply>("GET", `/v1/operations/${held.operationId}`);
    const step = body.steps.find(({ name }) => name === "create-database")!;
    return step.attempt > 1 ? body : undefined;
  });
  expect(["waiting", "running"]).toContain(told.status);
  const neighbour = fresh("near");
  await api.createTenant(neighbour, { region: "near" });
  expect((await installation.visit(neighbour)).status).toBe(200);
  await way.restore();
  expect(await api.ended(held.operationId)).toMatchObject({ status: "succeeded" });
  expect(await statusOf(held.slug)).toBe("active");
  const [there] = await installation.sql<{ name: string }>(
    `select d.name from databases d join placements p on p.database_id = d.id
       join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id where t.slug = $1`,
    [held.slug],
  );
  let unknown: string[] = [];
  await eventually(
    () => `nothing is left over there; but ${unknown.join()}`,
    async () => {
      const known = await installation.sql<{ name: string }>(
        `select d.name from databases d join database_servers s on s.id = d.server_id where s.name = 'far'`,
      );
      const standing = await query<{ name: string }>(
        elsewhere.url,
        "select datname as name from pg_database where datname ~ '^tn' and datname !~ '^tnc_'",
      );
      unknown = standing.map(({ name }) => name).filter((name) => !known.some((one) => one.name === name));
      return unknown.length === 0 && standing.some(({ name }) => name === there!.name);
    },
  );
});

it("a fleet whose server goes away waits for it: those elsewhere are done at once, each file comes once", async () => {
  const app = await newApp();
  const [near, far, other] = [fresh("near"), fresh("far"), fresh("far")];
  await api.createTenant(near, { app, region: "near" });
  await api.createTenant(far, { app, region: "far" });
  await api.createTenant(other, { app, region: "far", isolation: { database: "schema" } });
  const list = async () => (await api.call<MigrationListReply>("GET", `/v1/apps/${app}/migrations`)).body;
  await way.sever();
  const released = await api.call<OperationReply>("POST", `/v1/apps/${app}/releases`, release(first, second));
  const states = await eventually("the near one is done, the others are told as waited for", async () => {
    const { items } = await list();
    const of = (slug: string) => items.find(({ tenantSlug }) => tenantSlug === slug)!;
    return of(near).schemaVersion === 2 && of(far).failure && of(other).failure ? items : undefined;
  });
  expect(states.filter(({ failure }) => failure).map(({ failure }) => failure!.code)).toEqual([
    "server_unreachable",
    "server_unreachable",
  ]);
  await way.restore();
  expect(await api.ended(released.body.id)).toMatchObject({ status: "succeeded" });
  expect((await list()).counts).toEqual({ environments: 3, current: 3, behind: 0, failed: 0, heldBack: 0 });
  const places = await installation.sql<{ name: string; server: string }>(
    `select d.name, s.name as server from databases d join database_servers s on s.id = d.server_id
       join apps a on a.id = d.app_id where a.slug = $1 and d.state = 'in_use'`,
    [app],
  );
  expect(places).toHaveLength(3);
  for (const { name, server } of places) {
    const [database, schema = "public"] = name.split(".");
    const url = new URL(server === "far" ? elsewhere.url : installation.registryUrl);
    url.pathname = `/${database}`;
    expect(await query(url.href, `select * from ${schema}.notes`)).toEqual([{ id: 2, stars: 2 }]);
  }
});
