import type { OperationReply, SignedIsolationReport, TenantReply } from "@tenantry/contract";
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { password, siteUser, uploadTo } from "../support/site-user.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();
const content = "0123456789".repeat(30_000);
let source: Awaited<ReturnType<typeof site>>;
beforeAll(async () => {
  source = await site("database", { settings: { "app.colour": "red" } });
  await call("POST", `/v1/tenants/${source.slug}/credentials`, {});
});

/** A tenant at a level, whose admin has published a home page and uploaded a file. */
async function site(level: string, more: object = {}) {
  const slug = fresh("source");
  const admin = { email: `admin@${slug}.example`, password };
  await installation.api.createTenant(slug, { admin, isolation: { database: level }, ...more });
  const user = siteUser(installation, slug);
  expect(await user.logIn(admin.email)).toBe(303);
  await publish(slug, user, `Of ${slug}.`);
  expect((await upload(slug, user.cookie)).status).toBe(303);
  return { slug, admin: admin.email, user };
}

async function publish(slug: string, user: ReturnType<typeof siteUser>, body: string, page = "home") {
  const fields = { title: `Home of ${slug}`, slug: page, body, intent: "publish" };
  expect((await user.post("/admin/pages", fields)).status).toBe(303);
}

const upload = (slug: string, cookie: string) =>
  uploadTo(installation, slug, { cookie, name: "numbers.txt", content });

const call = <Body>(method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  installation.api.call<Body>(method, path, body, headers);

async function clone(source: string, more: object = {}): Promise<TenantReply> {
  const slug = fresh("copy");
  const reply = await call<TenantReply>(
    "POST",
    `/v1/tenants/${source}/clone`,
    { slug, name: `The copy ${slug}`, ...more },
    { prefer: "wait=60" },
  );
  expect([reply.status, reply.body]).toEqual([201, expect.objectContaining({ status: "active" })]);
  return reply.body;
}

describe("a copy of a tenant", () => {
  it("belongs to the source's parent, who sees it only when that is granted for the copy, too [REG-6]", async () => {
    const [parent, child] = [fresh("parent"), fresh("child")];
    await installation.api.createTenant(parent);
    const made = ["tenant", "create", child, "--name", "Child", "--parent", parent, "--visible-to-parent"];
    expect(await installation.command([...made, "--wait"])).toMatchObject({ code: 0 });
    const show = async (slug: string) => (await installation.command(["tenant", "show", slug])).stdout;
    expect(await show(child)).toMatch(new RegExp(`Parent +${parent} \\(its admins see this one\\)`));
    const copy = await clone(child);
    expect(copy).toMatchObject({ parent, visibleToParent: false });
    const update = (slug: string, ...options: string[]) =>
      installation.command(["tenant", "update", slug, ...options]);
    expect((await update(copy.slug, "--visible-to-parent")).stdout).toContain("its admins see this one");
    expect((await update(copy.slug, "--no-visible-to-parent")).stdout).not.toContain("its admins");
    const refused = await update(parent, "--visible-to-parent");
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("has no parent") });
  });

  it("shows what the source showed, has its files, settings and users, and goes its own way from then on", async () => {
    const slug = fresh("copy");
    const command = ["tenant", "clone", source.slug, slug, "--level", "shared", "--users"];
    const { code, stdout, stderr } = await installation.command([...command, "--wait", "--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    const copy = JSON.parse(stdout) as TenantReply;
    expect(copy.environments[0]!.placements.database).toMatchObject({ level: "shared" });
    expect((await installation.visit(copy.slug)).body).toContain(`Of ${source.slug}.`);
    const settings = await call<{ items: { key: string; value: unknown; source: string }[] }>(
      "GET",
      `/v1/tenants/${copy.slug}/settings`,
    );
    expect(settings.body.items).toContainEqual(
      expect.objectContaining({ key: "app.colour", value: "red", source: "tenant" }),
    );

    const user = siteUser(installation, copy.slug);
    // The source's session means nothing here; its password does.
    user.cookie = source.user.cookie;
    expect((await user.get("/admin/pages")).status).toBe(303);
    user.cookie = "";
    expect(await user.logIn(source.admin)).toBe(303);
    const media = /href="(\/media\/[^"]*)"/.exec((await user.get("/admin/media")).body)![1]!;
    const [there, here] = [
      await installation.visit(source.slug, media),
      await installation.visit(copy.slug, media),
    ];
    expect(here.body === content && here.body === there.body).toBe(true);
    expect([here.status, here.headers["content-type"]]).toEqual([200, there.headers["content-type"]]);

    await publish(copy.slug, user, "Only of the copy", "more");
    expect((await installation.visit(copy.slug, "/more")).body).toContain("Only of the copy");
    expect((await installation.visit(source.slug, "/more")).status).toBe(404);
    await becomesWhole(installation);
  });

  it("has nothing by which one gets into its source, nor the source into it", async () => {
    const copies = [
      await clone(source.slug),
      await clone(source.slug, { isolation: { database: "shared" } }),
    ];
    for (const { slug } of copies) {
      expect((await call("GET", `/v1/tenants/${slug}/credentials`)).status).toBe(404);
      const { body } = await call<{ items: unknown[] }>("GET", `/v1/tenants/${slug}/users`);
      expect(body.items).toEqual([]);
    }
    const started = await call<OperationReply>("POST", "/v1/isolation/verifications", {});
    expect(await installation.api.ended(started.body.id)).toMatchObject({ status: "succeeded" });
    const list = await call<{ items: { id: string }[] }>(
      "GET",
      `/v1/isolation/reports?operation=${started.body.id}`,
    );
    const { body } = await call<SignedIsolationReport>(
      "GET",
      `/v1/isolation/reports/${list.body.items[0]!.id}`,
    );
    expect(body.report.attempts.filter(({ outcome }) => outcome === "breach")).toEqual([]);
    expect(body.report.verdict).toBe("isolated");
  });

  it("waits while what reads the source's rows is in others' hands, and gets them then; so does the source's deletion", async () => {
    const isolation = { database: "shared" };
    const { slug: from, environments } = await installation.api.createTenant(fresh("source"), { isolation });
    const reader = environments[0]!.id.replace("env_", "tnl_");
    const taken = async (work: Promise<{ body: OperationReply }>) => {
      const { body } = await work;
      await eventually("it waits", async () => {
        const { body: now } = await call<OperationReply>("GET", `/v1/operations/${body.id}`);
        return now.status === "waiting" && /others who are at these rows/.test(now.message ?? "");
      });
      await installation.sql("delete from resources where physical_name = $1", [reader]);
      expect(await installation.api.ended(body.id)).toMatchObject({ status: "succeeded" });
    };
    const hold = () =>
      installation.sql(
        `insert into resources (id, kind, driver, server_id, physical_name, state, operation_id, fence)
         select gen_random_uuid(), 'role', 'database', d.server_id, $2, 'removing', gen_random_uuid(), 1
         from tenants t join environments e on e.tenant_id = t.id
           join placements p on p.environment_id = e.id and p.kind = 'database'
           join databases d on d.id = p.database_id
         where t.slug = $1`,
        [from, reader],
      );
    const slug = fresh("copy");
    await hold();
    await taken(call<OperationReply>("POST", `/v1/tenants/${from}/clone`, { slug, name: slug }));
    expect((await installation.visit(slug)).status).toBe(200);
    await hold();
    await taken(call<OperationReply>("DELETE", `/v1/tenants/${from}?now=true`));
    expect((await call("GET", `/v1/tenants/${from}`)).status).toBe(404);
  });

  it("of a suspended tenant is on the air, with an admin of its own and without the files", async () => {
    const closed = await site("shared");
    await call("POST", `/v1/tenants/${closed.slug}/suspend`, {});
    const admin = { email: "new@copy.example", password };
    const copy = await clone(closed.slug, { include: { storage: false }, admin });
    expect(copy.environments[0]!.placements.database).toMatchObject({ level: "shared" });
    expect((await installation.visit(copy.slug)).body).toContain(`Of ${closed.slug}.`);
    const user = siteUser(installation, copy.slug);
    expect(await user.logIn(closed.admin)).not.toBe(303);
    expect(await user.logIn(admin.email)).toBe(303);
    const steps = await installation.sql<{ result: unknown }>(
      `select s.result from operation_steps s join operations o on o.id = s.operation_id
       join tenants t on t.id = o.tenant_id where t.slug = $1 and s.name = 'copy-files'`,
      [copy.slug],
    );
    expect(steps).toEqual([{ result: { objects: 0 } }]);
  });
});

describe("a copy is refused", () => {
  it("of a tenant that goes, and of none; with users and another admin; where its name or slug is no good", async () => {
    const { slug: leaving } = await installation.api.createTenant(fresh("leaving"));
    const path = `/v1/tenants/${leaving}/clone`;
    const good = { slug: fresh("copy"), name: "Copy" };
    const admin = { email: "a@b.example", password };
    const users = await call("POST", path, { ...good, admin, include: { users: true } });
    expect(users).toMatchObject({ status: 422, body: { errors: [{ pointer: "/admin" }] } });
    const taken = await call("POST", path, { ...good, slug: leaving });
    expect(taken).toMatchObject({
      status: 409,
      body: { code: "slug_taken", errors: [{ pointer: "/slug" }] },
    });
    const level = await call("POST", path, { ...good, isolation: { compute: "container" } });
    expect(level).toMatchObject({ status: 422, body: { errors: [{ pointer: "/isolation/compute" }] } });
    expect(await call("POST", "/v1/tenants/nobody-here/clone", good)).toMatchObject({ status: 404 });
    await call("DELETE", `/v1/tenants/${leaving}`);
    expect(await call("POST", path, good)).toMatchObject({
      status: 409,
      body: { code: "illegal_transition" },
    });
    expect(await call("GET", `/v1/tenants/${good.slug}`)).toMatchObject({ status: 404 });
  });
});
