import { fileURLToPath } from "node:url";
import type { OperationReply, TenantReply } from "@tenantry/contract";
import pg from "pg";
import { expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { databaseUrl, query } from "../support/registry.ts";
import { password, siteUser } from "../support/site-user.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();

/** A tenant at a level, with an admin who is logged in and has published a home page. */
async function site(level: string, more: object = {}) {
  const slug = fresh("mover");
  const admin = { email: `admin@${slug}.example`, password };
  await installation.api.createTenant(slug, { admin, isolation: { database: level }, ...more });
  const user = siteUser(installation, slug);
  expect(await user.logIn(admin.email)).toBe(303);
  const write = async (page: string) =>
    (
      await user.post("/admin/pages", {
        title: `Page ${page}`,
        slug: page,
        body: `Of ${slug}.`,
        intent: "publish",
      })
    ).status;
  expect(await write("home")).toBe(303);
  return { slug, user, write };
}

/** One that needs nothing of its database. */
const program = {
  command: "node echo.mjs",
  workingDirectory: fileURLToPath(new URL("../support/applications", import.meta.url)),
  variables: { RELEASE: "1" },
};

const call = <Body>(method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  installation.api.call<Body>(method, path, body, headers);

const move = (slug: string, body: object, headers?: Record<string, string>) =>
  call<OperationReply>("POST", `/v1/tenants/${slug}/environments/production/move`, body, headers);

async function levelOf(slug: string) {
  const { body } = await call<TenantReply>("GET", `/v1/tenants/${slug}`);
  const { placements, status } = body.environments[0]!;
  return { ...(placements.database as { level: string; name: string; generation: number }), status };
}

it("a tenant goes from level to level with all that its people were told is written, while they write", async () => {
  const { slug, write } = await site("shared");
  const written = ["home"];
  let writing = true;
  const writer = async (name: string) => {
    for (let count = 0; writing; count += 1) {
      const page = `${name}-${count}`;
      if ((await write(page)) === 303) written.push(page);
    }
  };
  const writers = Promise.all(["one", "two"].map(writer));
  try {
    for (const level of ["schema", "shared"]) {
      const { code, stderr } = await installation.command([
        "tenant",
        "move",
        slug,
        "--level",
        level,
        "--yes",
        "--wait",
      ]);
      expect([code, stderr]).toEqual([0, expect.not.stringContaining("rror")]);
      expect(await levelOf(slug)).toMatchObject({ level, status: "ready" });
    }
  } finally {
    writing = false;
    await writers;
  }
  expect(written.length).toBeGreaterThan(3);
  for (const page of written) {
    const path = page === "home" ? "/" : `/${page}`;
    expect([page, (await installation.visit(slug, path)).status]).toEqual([page, 200]);
  }
  expect((await levelOf(slug)).generation).toBe(3);
  await becomesWhole(installation);
});

it("what can't be done is refused before anything happens, with the reason", async () => {
  const { slug } = await site("shared");
  const before = await levelOf(slug);
  const refusals = [
    [{ isolation: { database: "shared" } }, 409, "illegal_transition"],
    [{ isolation: { database: "database", storage: "bucket" } }, 422, "isolation_unavailable"],
    [{ isolation: { database: "database" }, server: "nowhere" }, 404, "server_not_found"],
    [{ isolation: { database: "sqlite" }, server: "embedded" }, 422, "isolation_unavailable"],
    [{ server: "embedded" }, 409, "illegal_transition"],
    [{}, 422, "invalid_request"],
  ] as const;
  for (const [body, status, code] of refusals)
    expect([body, await move(slug, body)]).toEqual([
      body,
      expect.objectContaining({ status, body: expect.objectContaining({ code }) }),
    ]);
  expect(await levelOf(slug)).toEqual(before);
});

it("an application that a level can't hold is told so with file and line: before anything happens, and before the tenant is closed where an earlier version released it", async () => {
  const app = fresh("notes");
  const migrations = [
    { name: "0001_notes.sql", sql: "create table notes (id int primary key);\n" },
    {
      name: "0002_lines.sql",
      sql: "create table tags (id int primary key);\n\ncreate table lines (note int references notes on update set null);\n",
    },
  ];
  const made = await call<{ operationId: string }>("POST", "/v1/apps", { slug: app, ...program, migrations });
  expect(await installation.api.ended(made.body.operationId)).toMatchObject({ status: "succeeded" });
  const slug = fresh("mover");
  await installation.api.createTenant(slug, { app, isolation: { database: "database" } });
  const begun = async () =>
    (await installation.sql("select from tenantry.operations where kind = 'environment.move'")).length;
  const isRefused = async () => {
    const to = { isolation: { database: "shared" } };
    expect(await move(slug, to, { prefer: "wait=60" })).toMatchObject({
      status: 422,
      body: { code: "isolation_unavailable", detail: expect.stringContaining("0002_lines.sql, line 3") },
    });
    expect(await levelOf(slug)).toEqual(before);
  };
  const [before, count] = [await levelOf(slug), await begun()];
  await isRefused();
  expect(await begun()).toBe(count);
  await installation.sql("update tenantry.app_migrations set findings = null");
  await isRefused();
  expect(await begun()).toBe(count + 1);
  await becomesWhole(installation);
});

it("a program's database login is another one at the new place, and none lets it in where the tenant was", async () => {
  const { slug } = await site("shared");
  const credentials = () =>
    call<{ url: string; user: string }>("PUT", `/v1/tenants/${slug}/environments/production/credentials`);
  const before = (await credentials()).body;
  expect(await titles(before.url)).toBe(1);
  expect((await move(slug, { isolation: { database: "database" } }, { prefer: "wait=60" })).status).toBe(200);
  const after = (await credentials()).body;
  expect(after.user).not.toBe(before.user);
  expect(await titles(after.url)).toBe(1);
  await expect(titles(before.url)).rejects.toThrow();
  await becomesWhole(installation);
});

async function titles(connectionString: string): Promise<number> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query("select * from pages")).rowCount!;
  } finally {
    await client.end();
  }
}

it("a suspended tenant goes to a file and to a server of its own and back, and is suspended still", async () => {
  const { slug } = await site("database");
  await call("POST", `/v1/tenants/${slug}/suspend`, {});
  for (const level of ["sqlite", "dedicated", "shared"]) {
    const { status, body } = await move(slug, { isolation: { database: level } }, { prefer: "wait=60" });
    expect([level, status, body]).toEqual([level, 200, expect.objectContaining({ status: "succeeded" })]);
  }
  expect((await installation.visit(slug, "/")).status).toBe(503);
  await call("POST", `/v1/tenants/${slug}/resume`);
  expect((await installation.visit(slug, "/")).body).toContain(`Of ${slug}.`);
  await becomesWhole(installation);
});

it("a rule moves who has outgrown his level, tells why, and leaves alone whose own rules say so", async () => {
  const [large, neighbour] = [await site("shared"), await site("shared")];
  const kept = await site("schema", { settings: { promotions: [] } });
  await crowd(large.slug);
  const rules = [
    { from: "schema", to: "database", whenBytesAbove: "1KB" },
    { from: "shared", to: "database", whenBytesAbove: "1MB" },
  ];
  await call("PATCH", "/v1/settings", { promotions: rules, promotionHours: { from: 0, to: 24 } });
  const { stdout } = await installation.command(["tenant", "move", "--due", "--json"]);
  const due = (JSON.parse(stdout) as { items: { tenant: string }[] }).items;
  expect(due).toContainEqual(
    expect.objectContaining({ tenant: large.slug, from: "shared", to: "database", isOpen: true }),
  );
  for (const { slug } of [kept, neighbour]) expect(due.map(({ tenant }) => tenant)).not.toContain(slug);
  // A node that starts looks at once what is due.
  await installation.sql("update tenantry.schedules set due_at = now() where name = 'promotions'");
  await installation.kill();
  await installation.start();
  await eventually("it is moved by the rule", async () => (await levelOf(large.slug)).level === "database");
  const { body } = await call<{ items: OperationReply[] }>("GET", "/v1/operations?kind=environment.move");
  const byRule = body.items.filter(({ requestedBy }) => requestedBy?.startsWith("rule: "));
  expect(byRule[0]!.requestedBy).toBe("rule: shared to database above 1,000,000 bytes");
  const events = await installation.sql("select data from tenantry.events where type = 'tenant.promoted'");
  expect(events).toContainEqual({
    data: expect.objectContaining({ slug: large.slug, whenBytesAbove: 1_000_000 }),
  });
  expect((await levelOf(neighbour.slug)).level).toBe("shared");
  expect((await levelOf(kept.slug)).level).toBe("schema");
  await call("PATCH", "/v1/settings", { promotions: null, promotionHours: null });
});

/** Gives a tenant at `shared` most of the rows there, and lets PostgreSQL count them. */
async function crowd(slug: string): Promise<void> {
  const { name } = await levelOf(slug);
  const { body } = await call<{ url: string }>(
    "PUT",
    `/v1/tenants/${slug}/environments/production/credentials`,
  );
  const client = new pg.Client({ connectionString: body.url });
  await client.connect();
  await client.query(`insert into media (id, name, content_type, size, created_by)
    select gen_random_uuid(), repeat('x', 900), 'text/plain', 0, 'me' from generate_series(1, 3000)`);
  await client.end();
  await query(databaseUrl(installation.registryUrl, name), "analyze");
}

it("rows that the new level can't hold are told by table and column, and the tenant is where it was, and open", async () => {
  const { slug, write } = await site("schema");
  const path = `/v1/tenants/${slug}/environments/production/credentials`;
  const { body } = await call<{ url: string }>("PUT", path);
  const client = new pg.Client({ connectionString: body.url });
  await client.connect();
  await client.query("update pages set created_at = 'infinity'");
  await client.end();
  const refused = await move(slug, { isolation: { database: "sqlite" } }, { prefer: "wait=60" });
  expect(refused).toMatchObject({ status: 422, body: { code: "rows_not_portable" } });
  expect(JSON.stringify(refused.body)).toContain("pages.created_at");
  expect(await levelOf(slug)).toMatchObject({ level: "schema", status: "ready" });
  expect(await write("after")).toBe(303);
  // The login that it had is good again, too.
  expect(await titles(body.url)).toBe(2);
  await becomesWhole(installation);
});
