import { copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type {
  AppReply,
  MigrationListReply,
  MigrationPlanReply,
  OperationReply,
  ScriptRun,
} from "@tenantry/contract";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { databaseUrl, query, withClient } from "../support/registry.ts";
import { becomesWhole } from "../support/whole.ts";

let installation: Installation;
let program: string;

beforeAll(async () => {
  installation = await startInstallation();
  program = path.join(installation.directory, "echo");
  await mkdir(program);
  await copyFile(
    new URL("../support/applications/echo.mjs", import.meta.url),
    path.join(program, "echo.mjs"),
  );
});
beforeEach(() => installation.revive());
afterAll(() => installation?.[Symbol.asyncDispose]());

const first = "create table notes (id int);";
const unique = "create unique index notes_id on notes (id);";

/** A release of an app that tells its number, with these files. */
function release(number: number, ...files: string[]) {
  const migrations = files.map((sql, index) => ({ name: `000${index + 1}.sql`, sql }));
  const variables = { RELEASE: String(number) };
  return { command: "node echo.mjs", workingDirectory: program, variables, migrations };
}

/** An app of one migration with tenants of its own, made anew for each test. */
async function newApp(count: number, isolation?: Record<string, string>) {
  const app = fresh("echo");
  const made = await installation.api.call<AppReply & { operationId: string }>("POST", "/v1/apps", {
    slug: app,
    ...release(1, first),
  });
  expect(await installation.api.ended(made.body.operationId)).toMatchObject({ status: "succeeded" });
  const tenants: string[] = [];
  for (let number = 0; number < count; number += 1) {
    const slug = fresh("tenant");
    await installation.api.createTenant(slug, { app, ...(isolation ? { isolation } : {}) });
    tenants.push(slug);
  }
  return { app, tenants };
}

/** Where a tenant's rows lie, for a superuser. */
async function databaseOf(slug: string): Promise<string> {
  const [row] = await installation.sql<{ name: string }>(
    `select d.name from databases d join placements p on p.database_id = d.id
       join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id where t.slug = $1`,
    [slug],
  );
  return databaseUrl(installation.registryUrl, row!.name);
}

async function begin(app: string, body: object): Promise<string> {
  const reply = await installation.api.call<OperationReply>("POST", `/v1/apps/${app}/releases`, body);
  expect(reply.status).toBe(202);
  return reply.body.id;
}

const listed = async (app: string) =>
  (await installation.api.call<MigrationListReply>("GET", `/v1/apps/${app}/migrations`)).body;

async function shown(slug: string): Promise<string> {
  const page = await installation.visit(slug);
  expect(page.status).toBe(200);
  return (JSON.parse(page.body) as { variables: { RELEASE: string } }).variables.RELEASE;
}

it("a tenant whose database can't be migrated keeps its release, the others get theirs; mended, it catches up", async () => {
  const { app, tenants } = await newApp(3);
  const [broken, ...others] = tenants as [string, string, string];
  const database = await databaseOf(broken);
  await query(database, "insert into public.notes values (1), (1)");
  const done = await installation.api.ended(await begin(app, release(2, first, unique)));
  expect(done).toMatchObject({ status: "succeeded" });
  expect(await shown(broken)).toBe("1");
  for (const slug of others) expect(await shown(slug)).toBe("2");

  const status = await listed(app);
  expect(status).toMatchObject({
    schemaVersion: 2,
    counts: { environments: 3, current: 2, behind: 1, failed: 1, heldBack: 1 },
  });
  expect(status.items.find(({ tenantSlug }) => tenantSlug === broken)).toMatchObject({
    ...{ schemaVersion: 1, state: "failed", heldRelease: 1 },
    failure: {
      code: "migration_failed",
      targetVersion: 2,
      detail: expect.stringMatching(/^0002\.sql, line 1/),
    },
  });
  const table = await installation.command(["migrate", "--app", app, "--status", "--failed"]);
  expect(table.stdout).toContain("2 of 3 at schema version 2, 1 behind, 1 failed");
  expect(table.stdout).toContain(broken);

  const still = await installation.command(["migrate", "--app", app, "--wait"]);
  expect(still).toMatchObject({ code: 1, stderr: expect.stringContaining(broken) });
  expect(await shown(broken)).toBe("1");

  await query(database, "delete from public.notes where ctid = '(0,1)'");
  const mended = await installation.command(["migrate", "--tenant", broken, "--wait"]);
  expect(mended).toMatchObject({ code: 0 });
  await eventually("it has the new release", async () => (await shown(broken)) === "2");
  expect((await listed(app)).counts).toEqual({
    environments: 3,
    current: 3,
    behind: 0,
    failed: 0,
    heldBack: 0,
  });
  const events = await installation.sql<{ type: string }>(
    `select type from events where data->>'slug' = $1 and type like 'environment.%' order by version`,
    [broken],
  );
  expect([...new Set(events.map(({ type }) => type))]).toEqual([
    "environment.migration-failed",
    "environment.held-back",
    "environment.caught-up",
  ]);
  await becomesWhole(installation);
});

it("a release that more tenants can't follow than may fails, and nobody gets it", async () => {
  const { app, tenants } = await newApp(2);
  for (const slug of tenants) await query(await databaseOf(slug), "insert into public.notes values (1), (1)");
  const failed = await installation.api.ended(await begin(app, release(2, first, unique)));
  expect(failed).toMatchObject({ status: "failed", error: { code: "migration_failed" } });
  for (const slug of tenants) expect(failed.error?.detail).toContain(slug);
  for (const slug of tenants) expect(await shown(slug)).toBe("1");
  const { schemaVersion, counts, items } = await listed(app);
  expect({ schemaVersion, counts }).toMatchObject({ schemaVersion: 1, counts: { current: 2, failed: 2 } });
  expect(items).toMatchObject(tenants.map(() => ({ state: "failed", failure: { targetVersion: 2 } })));
  await becomesWhole(installation);
});

it("the platform's own tenants keep no release from anybody, and nobody hears of them", async () => {
  const { app, tenants } = await newApp(1);
  const slug = fresh("tenant");
  await installation.api.createTenant(slug, { app, isolation: { database: "shared" } });
  const verify = async () => {
    const { body } = await installation.api.call<OperationReply>("POST", "/v1/isolation/verifications", {});
    expect(await installation.api.ended(body.id)).toMatchObject({ status: "succeeded" });
    const reports = `/v1/isolation/reports?operation=${body.id}`;
    const { body: list } = await installation.api.call<{ items: { verdict: string }[] }>("GET", reports);
    expect(list.items[0]!.verdict).toBe("isolated");
  };
  await verify();
  const canary = await databaseOf(`tenantry-canary-database-${await endOf(app)}-a`);
  const rowsOf = async (database: string) => query(database, "select id from public.notes");
  for (const database of [canary, await databaseOf(slug)]) expect(await rowsOf(database)).toEqual([]);

  await query(canary, "insert into public.notes values (7)");
  const strict = "alter table notes add check (id is not null), add check (id <> 7);";
  expect(await installation.api.ended(await begin(app, release(2, first, strict)))).toMatchObject({
    ...{ status: "succeeded", error: null },
  });
  expect(await Promise.all([...tenants, slug].map(shown))).toEqual(["2", "2"]);
  const told = await installation.sql(
    "select v.* from events v join tenants t on t.id = v.tenant_id where t.internal",
  );
  expect(told).toEqual([]);
  const { body } = await installation.api.call<OperationReply>("POST", `/v1/apps/${app}/migrations`, {});
  expect(await installation.api.ended(body.id)).toMatchObject({ status: "succeeded" });
  await verify();
  const behind = await installation.sql(
    `select t.slug from tenants t join environments e on e.tenant_id = t.id
       join placements p on p.environment_id = e.id and p.state = 'current' join databases d on d.id = p.database_id
       join apps a on a.id = d.app_id where t.internal and a.slug = $1 and d.schema_version < 2`,
    [app],
  );
  expect(behind).toEqual([]);
});

/** By which the slugs of an application's canaries are told. */
async function endOf(app: string): Promise<string> {
  const { body } = await installation.api.call<AppReply>("GET", `/v1/apps/${app}`);
  return body.id.slice(-8);
}

it("while a release is at work a second one, and a migration, are refused with its id; cancelled, it lets go", async () => {
  const { app, tenants } = await newApp(1);
  await withClient(await databaseOf(tenants[0]!), async (client) => {
    await client.query("begin; lock table public.notes in access exclusive mode");
    const id = await begin(app, release(2, first, "alter table notes add column stars int;"));
    await eventually("it waits for the table", async () => {
      const rows = await installation.sql(
        "select from pg_stat_activity where wait_event_type = 'Lock' and query like '%alter table notes%'",
      );
      return rows.length > 0;
    });
    for (const [url, body] of [
      ["migrations", {}],
      ["releases", release(3, first)],
    ] as const) {
      const refused = await installation.api.call("POST", `/v1/apps/${app}/${url}`, body);
      expect(refused).toMatchObject({
        status: 409,
        body: { code: "operation_in_progress", operationId: id },
      });
    }
    await installation.api.call("POST", `/v1/operations/${id}/cancel`);
    expect(await installation.api.ended(id)).toMatchObject({ status: "cancelled" });
    await client.query("rollback");
  });
  expect(await listed(app)).toMatchObject({ schemaVersion: 1, counts: { current: 1, failed: 0 } });
  expect(await shown(tenants[0]!)).toBe("1");
  await becomesWhole(installation);
});

it("a dry run says who would get which file, tries the files, and touches nobody", async () => {
  const { app, tenants } = await newApp(1);
  const plan = (...files: string[]) =>
    installation.api.call<MigrationPlanReply>("POST", `/v1/apps/${app}/migrations/plan`, {
      migrations: release(2, ...files).migrations,
    });
  const good = await plan(first, unique);
  expect(good).toMatchObject({
    status: 200,
    body: {
      ...{ schemaVersion: 2, tried: true, refused: [] },
      groups: [{ level: "database", schemaVersion: 1, databases: 1, tenants, pending: ["0002.sql"] }],
    },
  });
  const bad = await plan(first, "create tabel a ();");
  expect(bad).toMatchObject({ status: 422, body: { code: "migration_failed" } });
  const changed = await plan(unique);
  expect(changed).toMatchObject({ status: 409, body: { code: "migration_changed" } });
  expect(await listed(app)).toMatchObject({ schemaVersion: 1, counts: { current: 1 } });
  await becomesWhole(installation);
});

it("a dry run on a copy of a tenant says whom each file blocks, and what doesn't fit its rows; the tenant is left alone", async () => {
  const { app, tenants } = await newApp(1);
  const tenant = tenants[0]!;
  const url = await databaseOf(tenant);
  await query(url, "insert into public.notes select generate_series(1, 5)");
  const plan = (body: object) =>
    installation.api.call<MigrationPlanReply>("POST", `/v1/apps/${app}/migrations/plan`, {
      ...body,
      migrations: release(
        2,
        ...[first, unique, "alter table notes alter id type bigint;"],
        "-- tenantry: no-transaction\ncreate index concurrently again on notes (id);",
      ).migrations,
    });
  const { body, status } = await plan({ tenant });
  expect(status).toBe(200);
  expect(body.rehearsal).toMatchObject({
    ...{ tenant, rows: 5 },
    files: [
      {
        ...{ name: "0002.sql", transactional: true },
        locks: [{ table: "public.notes", blocks: "writes", rewritten: false }],
      },
      { name: "0003.sql", locks: [{ table: "public.notes", blocks: "reads and writes", rewritten: true }] },
      { name: "0004.sql", transactional: false, locks: [] },
    ],
  });
  await query(url, "insert into public.notes values (1)");
  expect(await plan({ tenant })).toMatchObject({
    status: 422,
    body: { code: "migration_failed", detail: expect.stringContaining("0002.sql, line 1, column 1") },
  });
  expect(await plan({})).toMatchObject({ status: 200, body: { rehearsal: { tenant: null, rows: null } } });
  expect(await query(url, "select count(*)::int from public.notes")).toEqual([{ count: 6 }]);
  await becomesWhole(installation);
});

it("a dry run that takes longer than the caller waits is answered by its operation, whose id gets the plan afterwards", async () => {
  const { app, tenants } = await newApp(1);
  const tenant = tenants[0]!;
  await query(await databaseOf(tenant), "insert into public.notes select generate_series(1, 5)");
  const plan = (body: object, wait?: string) =>
    installation.api.call<MigrationPlanReply & OperationReply>(
      ...(["POST", `/v1/apps/${app}/migrations/plan`] as const),
      { tenant, migrations: release(2, first, unique).migrations, ...body },
      wait === undefined ? {} : { prefer: wait },
    );
  const checked = await plan({}, "wait=0");
  expect(checked).toMatchObject({ status: 202, body: { kind: "schema.check" } });
  await installation.api.ended(checked.body.id);
  const begun = await plan({ rehearsal: checked.body.id }, "wait=0");
  expect(begun).toMatchObject({ status: 202, body: { kind: "schema.rehearse" } });
  const { id } = begun.body;
  expect(begun.headers.get("location")).toBe(`/v1/operations/${id}`);
  const done = await installation.api.ended(id);
  expect(done).toMatchObject({ status: "succeeded" });
  const told = await plan({ rehearsal: id });
  expect(told).toMatchObject({ status: 200, body: { tried: true, rehearsal: { tenant, rows: 5 } } });
  expect(told.body.rehearsal!.files.map(({ name }) => name)).toEqual(["0002.sql"]);
  // What was found before is taken: nothing was checked or rehearsed once more.
  const { items } = (
    await installation.api.call<{ items: OperationReply[] }>("GET", "/v1/operations?limit=5")
  ).body;
  expect(items.slice(0, 2).map((operation) => operation.id)).toEqual([id, checked.body.id]);
  for (const other of [
    { rehearsal: id, migrations: release(2, first, `${unique} select 1;`).migrations },
    { rehearsal: id, tenant: undefined },
    { rehearsal: checked.body.id, migrations: release(2, first, `${unique} select 1;`).migrations },
    { rehearsal: "op_01h00000000000000000000000" },
  ])
    expect(await plan(other)).toMatchObject({ status: 422, body: { errors: [{ pointer: "/rehearsal" }] } });
  await becomesWhole(installation);
});

it("the command names tenant, thing and what differs when somebody changed a schema by hand", async () => {
  const { app, tenants } = await newApp(2);
  const same = await installation.command(["schema", "drift", "--app", app]);
  expect(same).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("2 of 2 databases compared, 0 differ"),
  });
  await query(await databaseOf(tenants[0]!), "alter table public.notes alter id type bigint");
  const found = await installation.command(["schema", "drift", "--app", app]);
  expect(found).toMatchObject({ code: 1, stderr: expect.stringContaining("1 of the databases differ") });
  expect(found.stdout).toContain(tenants[0]);
  expect(found.stdout).toContain('column "notes"."id": different: type is bigint, and should be integer');
  expect(found.stdout).not.toContain(tenants[1]);
  await becomesWhole(installation);
});

it("a script is run on one tenant by its file, on record with who, when and how many rows, and not twice", async () => {
  const { app, tenants } = await newApp(2);
  const [one, other] = tenants as [string, string];
  const file = path.join(installation.directory, "fix.sql");
  await writeFile(file, "insert into notes values (7), (8);");
  const run = (...flags: string[]) =>
    installation.command(["script", "run", file, "--tenant", one, "--wait", ...flags]);
  expect((await run("--dry-run")).stdout).toMatch(/taken back\s+2/);
  expect(await query(await databaseOf(one), "select * from public.notes")).toEqual([]);
  expect(await run()).toMatchObject({ code: 0 });
  expect((await run()).stdout).toContain("It was run on nobody");
  expect(await query(await databaseOf(one), "select * from public.notes")).toEqual([{ id: 7 }, { id: 8 }]);
  expect(await query(await databaseOf(other), "select * from public.notes")).toEqual([]);
  const { body } = await installation.api.call<{ items: ScriptRun[] }>(
    "GET",
    `/v1/apps/${app}/script-runs?tenant=${one}`,
  );
  expect(body.items).toMatchObject([
    { script: "fix.sql", status: "succeeded", dryRun: false, rowsChanged: 2 },
    { dryRun: true },
  ]);
  expect(body.items[0]!.requestedBy).toMatch(/^operator:/);
  await writeFile(file, "alter table notes add column a int;");
  const refused = await run();
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("fix.sql, line 1, column 1") });
  await becomesWhole(installation);
});
