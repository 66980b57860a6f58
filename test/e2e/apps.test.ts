import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { AppReply, TenantReply } from "@tenantry/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { databaseUrl, query } from "../support/registry.ts";
import { becomesWhole } from "../support/whole.ts";

let installation: Installation;
let program: string;
let migrations: string;
beforeAll(async () => {
  installation = await startInstallation({ environment: { OURS_ALONE: "not for applications" } });
  program = path.join(installation.directory, "echo");
  migrations = path.join(installation.directory, "migrations");
  await Promise.all([mkdir(program), mkdir(migrations)]);
  await copyFile(
    new URL("../support/applications/echo.mjs", import.meta.url),
    path.join(program, "echo.mjs"),
  );
  await writeFile(
    path.join(migrations, "0001_notes.sql"),
    "create table notes (id int primary key, body text);\n",
  );
  const made = await installation.command(["app", "create", "echo", ...release(), "--wait"]);
  expect(made).toMatchObject({ code: 0 });
  await installation.api.createTenant("acme", { app: "echo" });
});
afterAll(() => installation?.[Symbol.asyncDispose]());

const release = () => [
  ...["--command", "node echo.mjs", "--directory", program],
  ...["--variable", "GREETING=hello", "--migrations", migrations],
];

type Told = { uid: number; variables: Record<string, string>; tenant: string };

async function told(slug: string): Promise<Told> {
  const { status, body } = await installation.visit(slug);
  expect(status).toBe(200);
  return JSON.parse(body) as Told;
}

let migrationCount = 1;

/** A file that comes after all that were there, those of tests and tries before this one too. */
function nextMigration(): string {
  migrationCount += 1;
  return `${String(migrationCount).padStart(4, "0")}_next.sql`;
}

const appNow = async () => (await installation.api.call<AppReply>("GET", "/v1/apps/echo")).body;

async function databaseOf(slug: string): Promise<{ name: string }> {
  const { body } = await installation.api.call<TenantReply>("GET", `/v1/tenants/${slug}`);
  return body.environments[0]!.placements.database as { name: string };
}

/** Every database on the server that isn't a spare, which come and go. */
async function databasesThere(): Promise<string[]> {
  const rows = await installation.sql<{ name: string }>(
    `select datname as name from pg_database
     where datname not in (select name from databases where state = 'spare') order by 1`,
  );
  return rows.map((row) => row.name);
}

async function tablesOf(slug: string): Promise<string[]> {
  const { name } = await databaseOf(slug);
  const rows = await query<{ name: string }>(
    databaseUrl(installation.registryUrl, name),
    "select tablename as name from pg_tables where schemaname = 'public' order by 1",
  );
  return rows.map((row) => row.name);
}

describe("an application that Tenantry runs", () => {
  it("runs as another user when we are root, with the variables it was given and no others", async () => {
    const { uid, variables, tenant } = await told("acme");
    if (process.getuid!() === 0) expect(uid).toBeGreaterThan(60_000);
    expect(tenant).toMatch(/^tnt_/);
    expect(variables).toMatchObject({
      GREETING: "hello",
      TENANTRY_APP_KEY: expect.stringMatching(/^tk_app_/),
    });
    const ours = ["TENANTRY_APP_KEY", "TENANTRY_INSTANCE", "TENANTRY_URL"];
    // The shell adds the last four.
    const allowed = ["GREETING", "HOME", "LANG", "PATH", "PORT", ...ours];
    expect([...allowed, "PWD", "OLDPWD", "SHLVL", "_"]).toEqual(
      expect.arrayContaining(Object.keys(variables)),
    );
  });

  it("is started again after a crash, with what it said in the log", async () => {
    const before = await told("acme");
    const { restarts } = (await appNow()).instances[0]!;
    expect((await installation.visit("acme", "/crash")).status).toBe(502);
    await eventually("it serves again", async () => (await installation.visit("acme")).status === 200);
    expect((await told("acme")).variables.TENANTRY_INSTANCE).not.toBe(before.variables.TENANTRY_INSTANCE);
    expect((await appNow()).instances).toMatchObject([{ state: "healthy", restarts: restarts + 1 }]);
    const log = await readFile(path.join(installation.dataDir, "logs", "tenantry.log"), "utf8");
    expect(log).toContain("echo was told to crash");
  });
});

describe("a release", () => {
  it("whose migration fails says where, and changes nothing", async () => {
    const before = { app: await appNow(), tables: await tablesOf("acme") };
    const file = nextMigration();
    await writeFile(path.join(migrations, file), "create table good ();\n\nselect nonsense;\n");
    const refused = await installation.command(["app", "release", "echo", ...release(), "--wait"]);
    await rm(path.join(migrations, file));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`${file}, line 3, column 8`);
    expect(await appNow()).toEqual(before.app);
    expect(await tablesOf("acme")).toEqual(before.tables);
    await told("acme");
    await becomesWhole(installation);
  });

  it("that fails half-way leaves no database of its own on the server", async () => {
    await rm(path.join(migrations, "0002_broken.sql"), { force: true });
    const migration = path.join(migrations, "0002_authors.sql");
    const acme = databaseUrl(installation.registryUrl, (await databaseOf("acme")).name);
    await query(acme, "insert into public.notes (id) values (1)");
    await becomesWhole(installation);
    const before = await databasesThere();
    try {
      // The blueprint has no rows, and takes it.
      await writeFile(migration, "alter table notes add column author text not null;\n");
      const refused = await installation.command(["app", "release", "echo", ...release(), "--wait"]);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain("0002_authors.sql");
      await becomesWhole(installation);
      expect(await databasesThere()).toEqual(before);
    } finally {
      await rm(migration);
      await query(acme, "delete from public.notes");
    }
  });

  it("with a new migration brings it to the tenants that are there, and to those to come", async () => {
    const file = nextMigration();
    await writeFile(path.join(migrations, file), "create table broken (;\n");
    const refused = await installation.command(["app", "release", "echo", ...release(), "--wait"]);
    expect(refused.code).toBe(1);
    const table = `table_${parseInt(file, 10)}`;
    // The file that failed may come again in another form: nobody has it.
    await writeFile(path.join(migrations, file), `create table ${table} (id int primary key);\n`);
    const done = await installation.command(["app", "release", "echo", ...release(), "--wait"]);
    expect(done).toMatchObject({ code: 0 });
    const tables = await tablesOf("acme");
    expect(tables).toEqual(expect.arrayContaining(["notes", table]));
    await told("acme");
    const slug = fresh("globex");
    await installation.api.createTenant(slug, { app: "echo" });
    expect(await tablesOf(slug)).toEqual(tables);
  });
});

it("an application that runs elsewhere is asked at its address, and told whose request it is", async () => {
  const upstream = createServer((request, response) => {
    response.end(`${request.headers["tenantry-tenant"]} at ${request.headers.host}`);
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    const [app, slug] = [fresh("elsewhere"), fresh("umbrella")];
    const made = await installation.command(["app", "create", app, "--upstream", url, "--wait"]);
    expect(made.code).toBe(0);
    const tenant = await installation.api.createTenant(slug, { app });
    const page = await installation.visit(slug);
    expect(page).toMatchObject({ status: 200 });
    expect(page.body).toContain(tenant.id);
  } finally {
    upstream.close();
    upstream.closeAllConnections();
  }
});
