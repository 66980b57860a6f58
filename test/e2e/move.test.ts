import type { OperationReply, TenantReply } from "@tenantry/contract";
import pg from "pg";
import { expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
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

const call = <Body>(method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  installation.api.call<Body>(method, path, body, headers);

const move = (slug: string, body: object, headers?: Record<string, string>) =>
  call<OperationReply>("POST", `/v1/tenants/${slug}/environments/production/move`, body, headers);

async function levelOf(slug: string) {
  const { body } = await call<TenantReply>("GET", `/v1/tenants/${slug}`);
  const { placements, status } = body.environments[0]!;
  return { ...(placements.database as { level: string; generation: number }), status };
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
    for (const level of ["schema", "database", "shared"]) {
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
  expect((await levelOf(slug)).generation).toBe(4);
  await becomesWhole(installation);
});

it("what can't be done is refused before anything happens, with the reason", async () => {
  const { slug } = await site("shared");
  const before = await levelOf(slug);
  const refusals = [
    [{ isolation: { database: "shared" } }, 409, "illegal_transition"],
    [{ isolation: { database: "database", storage: "bucket" } }, 422, "isolation_unavailable"],
    [{ isolation: { database: "database" }, server: "nowhere" }, 404, "server_not_found"],
    [{}, 422, "invalid_request"],
  ] as const;
  for (const [body, status, code] of refusals)
    expect([body, await move(slug, body)]).toEqual([
      body,
      expect.objectContaining({ status, body: expect.objectContaining({ code }) }),
    ]);
  expect(await levelOf(slug)).toEqual(before);
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
  const [large, kept] = [await site("schema"), await site("schema", { settings: { promotions: [] } })];
  const rule = { from: "schema", to: "database", whenBytesAbove: "1KB" };
  await call("PATCH", "/v1/settings", { promotions: [rule], promotionHours: { from: 0, to: 24 } });
  const { stdout } = await installation.command(["tenant", "move", "--due", "--json"]);
  const due = (JSON.parse(stdout) as { items: { tenant: string }[] }).items;
  expect(due).toContainEqual(
    expect.objectContaining({ tenant: large.slug, from: "schema", to: "database", isOpen: true }),
  );
  expect(due.map(({ tenant }) => tenant)).not.toContain(kept.slug);
  // A node that starts looks at once what is due.
  await installation.sql("update tenantry.schedules set due_at = now() where name = 'promotions'");
  await installation.kill();
  await installation.start();
  await eventually("it is moved by the rule", async () => (await levelOf(large.slug)).level === "database");
  const { body } = await call<{ items: OperationReply[] }>(
    "GET",
    "/v1/operations?kind=environment.move&limit=1",
  );
  expect(body.items[0]!.requestedBy).toBe("rule: schema to database above 1,000 bytes");
  const events = await installation.sql("select data from tenantry.events where type = 'tenant.promoted'");
  expect(events).toEqual([{ data: expect.objectContaining({ slug: large.slug, whenBytesAbove: 1_000 }) }]);
  expect((await levelOf(kept.slug)).level).toBe("schema");
  await call("PATCH", "/v1/settings", { promotions: null, promotionHours: null });
});

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
