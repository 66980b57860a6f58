import type { AppReply, CredentialsReply, OperationReply, TenantReply } from "@tenantry/contract";
import pg from "pg";
import { expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { databaseUrl, query, withClient } from "../support/registry.ts";
import { useInstallation } from "../support/use-installation.ts";

const installation = useInstallation();
const { api } = installation;

/** Six batches of a deletion. `npm run bench -- neighbour` does the same with a million. */
const count = 30_000;
/** Nobody may be kept so long: locks of a table are waited for in moments of a quarter of a second. */
const tooLongMs = 5_000;

const release = (...texts: string[]) => ({
  upstreamUrl: "http://127.0.0.1:9",
  migrations: texts.map((sql, index) => ({ name: `000${index + 1}.sql`, sql })),
});

async function ended(path: string, body?: object, method = "POST"): Promise<void> {
  const reply = await api.call<OperationReply>(method, path, body);
  expect(reply).toMatchObject({ status: 202 });
  expect(await api.ended(reply.body.id)).toMatchObject({ status: "succeeded" });
}

async function urlOf(slug: string): Promise<string> {
  const { stdout } = await installation.command(["tenant", "credentials", slug, "--json"]);
  return (JSON.parse(stdout) as CredentialsReply).url;
}

/** A tenant's own program that reads and writes without a pause; answers how long the slowest took when it is ended. */
async function keepWorking(slug: string) {
  const client = new pg.Client({ connectionString: await urlOf(slug) });
  await client.connect();
  let [slowest, goesOn] = [0, true];
  const working = (async () => {
    while (goesOn) {
      const startedAt = performance.now();
      await client.query("insert into notes (title) values ('mine')");
      await client.query("select count(*) from notes where id < 100");
      slowest = Math.max(slowest, performance.now() - startedAt);
    }
  })();
  // Heard when it is awaited.
  working.catch(() => undefined);
  return async (): Promise<number> => {
    goesOn = false;
    await working;
    await client.end();
    return slowest;
  };
}

it("a tenant with many rows at shared is migrated, copied and deleted, batch by batch; its neighbour never waits for it", async () => {
  const app = fresh("app");
  const first = "create table notes (id int generated always as identity primary key, title text not null);";
  const made = await api.call<AppReply & { operationId: string }>("POST", "/v1/apps", {
    slug: app,
    ...release(first),
  });
  expect(await api.ended(made.body.operationId)).toMatchObject({ status: "succeeded" });
  const [large, small] = [fresh("large"), fresh("small")];
  await api.createTenant(large, { app, isolation: { database: "shared" } });
  await api.createTenant(small, { app, isolation: { database: "shared" } });
  await query(
    await urlOf(large),
    `insert into public.notes (title) select 'note ' || n from generate_series(1, ${count}) n`,
  );
  const stop = await keepWorking(small);
  try {
    const second =
      "alter table notes add column stars int not null default 0; update notes set stars = length(title);";
    await ended(`/v1/apps/${app}/releases`, release(first, second));
    const copy = { slug: fresh("copy"), name: "Copy", isolation: { database: "database" } };
    await ended(`/v1/tenants/${large}/clone`, copy);
    const all = "select count(*)::int, sum(stars)::int from public.notes";
    expect(await query(await urlOf(copy.slug), all)).toEqual(await query(await urlOf(large), all));
    await isDeletedInBatches(large);
  } finally {
    expect(await stop()).toBeLessThan(tooLongMs);
  }
  const gone = await api.call<TenantReply>("GET", `/v1/tenants/${large}`);
  expect(gone.status).toBe(404);
});

/** Somebody holds the row that comes last: all before it are gone, for everybody to see, while it is waited for. */
async function isDeletedInBatches(slug: string): Promise<void> {
  const [place] = await installation.sql<{ name: string; id: string }>(
    `select d.name, p.environment_id as id from databases d join placements p on p.database_id = d.id
       join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id where t.slug = $1`,
    [slug],
  );
  const url = databaseUrl(installation.registryUrl, place!.name);
  const of = `from public.notes where tenantry_environment = '${place!.id}'`;
  const deletion = await withClient(url, async (client) => {
    const { rows } = await client.query<{ ctid: string }>(`select ctid ${of}`);
    await client.query("begin");
    await client.query(`select ${of} and ctid = $1 for update`, [rows.at(-1)!.ctid]);
    const { body } = await api.call<OperationReply>("DELETE", `/v1/tenants/${slug}?now=true`);
    await eventually("others are gone", async () => {
      const [left] = await query<{ count: number }>(url, `select count(*)::int ${of}`);
      return left!.count > 0 && left!.count <= count / 2;
    });
    await client.query("rollback");
    return body.id;
  });
  expect(await api.ended(deletion)).toMatchObject({ status: "succeeded" });
  expect(await query(url, `select ${of}`)).toEqual([]);
}
