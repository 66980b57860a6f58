import type { OperationReply, TenantReply } from "@tenantry/contract";
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { startInstallation } from "../support/installation.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();

const statusOf = async (slug: string) => (await installation.visit(slug)).status;

/** A tenant of the test's own, active. */
async function tenant(prefix: string): Promise<string> {
  const slug = fresh(prefix);
  await installation.api.createTenant(slug);
  return slug;
}

async function json<Body>(...args: string[]): Promise<Body> {
  const { code, stdout, stderr } = await installation.command([...args, "--json"]);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return JSON.parse(stdout) as Body;
}

describe("a tenant by the command line", () => {
  it("is made, listed, shown and changed; --json prints what programs read and nothing else", async () => {
    const older = await tenant("acme");
    const slug = fresh("globex");
    const made = await json<TenantReply>("tenant", "create", slug, "--name", "Globex", "--wait");
    expect(made).toMatchObject({ slug, name: "Globex", status: "active" });
    expect(await statusOf(slug)).toBe(200);
    const list = await json<{ items: TenantReply[] }>("tenant", "list");
    expect(list.items.map((one) => one.slug).slice(0, 2)).toEqual([slug, older]);
    const changed = await json<TenantReply>("tenant", "update", slug, "--name", "Globex Corporation");
    expect(changed.name).toBe("Globex Corporation");
    const shown = await installation.command(["tenant", "show", slug]);
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toContain("Globex Corporation");
  });

  it("keeps its old host for 30 days as a redirect when it is renamed", async () => {
    const slug = await tenant("globex");
    const after = fresh("initech");
    await json("tenant", "update", slug, "--slug", after);
    expect(await statusOf(after)).toBe(200);
    const old = await installation.visit(slug, "/a?b=c");
    expect(old.status).toBe(308);
    expect(old.headers.location).toBe(`http://${after}.localhost:${installation.gatewayPort}/a?b=c`);
    const routes = await installation.sql<{ days: number }>(
      `select round(extract(epoch from expires_at - now()) / 86400)::int as days from routes
       where redirect_to is not null and hostname like $1`,
      [`${slug}.%`],
    );
    expect(routes).toEqual([{ days: 30 }]);
  });

  it("answers 503 as soon as it is suspended, and again when it is resumed", async () => {
    const slug = await tenant("initech");
    expect((await installation.command(["tenant", "suspend", slug, "--reason", "unpaid"])).code).toBe(0);
    expect(await statusOf(slug)).toBe(503);
    expect((await installation.command(["tenant", "resume", slug])).code).toBe(0);
    expect(await statusOf(slug)).toBe(200);
  });

  it("is closed for maintenance, with a message, and opened again", async () => {
    const slug = await tenant("initech");
    const on = ["tenant", "maintenance", "on", slug, "--message", "Back at six", "--retry-after", "60"];
    const said = await installation.command(on);
    expect(said).toMatchObject({ code: 0, stdout: `${slug} is closed for maintenance.\n` });
    const seen = await installation.visit(slug, "/", { headers: { accept: "text/html" } });
    expect([seen.status, seen.headers["retry-after"]]).toEqual([503, "60"]);
    expect(seen.body).toContain("Back at six");
    const { stdout } = await installation.command(["tenant", "show", slug]);
    expect(stdout).toMatch(/Visitors read +Back at six/);
    expect(stdout).toMatch(/production +maintenance/);
    const off = await json<TenantReply>("tenant", "maintenance", "off", slug);
    expect(off.environments[0]).toMatchObject({ status: "ready", maintenance: null });
    expect(await statusOf(slug)).toBe(200);
  });

  it("isn't deleted without a yes where nobody can be asked, and nothing changes", async () => {
    const slug = await tenant("kept");
    const refused = await installation.command(["tenant", "delete", slug]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("--yes");
    expect(await statusOf(slug)).toBe(200);
  });

  it("can be had back within the grace of its deletion", async () => {
    const slug = await tenant("initech");
    expect((await installation.command(["tenant", "delete", slug, "--yes"])).code).toBe(0);
    expect(await statusOf(slug)).toBe(410);
    expect((await installation.command(["tenant", "resume", slug])).code).toBe(0);
    expect(await statusOf(slug)).toBe(200);
    await becomesWhole(installation);
  });

  it("is gone for good with --now: 410, then 404, and its slug can be had again, of what it was called before, too", async () => {
    const before = await tenant("globex");
    const slug = fresh("initech");
    await json("tenant", "update", before, "--slug", slug);
    const seen = new Set<number>();
    const deleting = installation.command(["tenant", "delete", slug, "--yes", "--now", "--wait"]);
    await eventually("its host is free", async () => {
      const status = await statusOf(slug);
      seen.add(status);
      return status === 404;
    });
    expect((await deleting).code).toBe(0);
    expect([...seen].every((status) => [200, 410, 404].includes(status))).toBe(true);
    expect(await statusOf(before)).toBe(404);
    await becomesWhole(installation);
    for (const free of [slug, before]) {
      await installation.api.createTenant(free);
      expect(await statusOf(free)).toBe(200);
    }
  });

  it("is refused by exit code 1 with a reason and a better slug, and by 2 when the command is wrong", async () => {
    const refused = await installation.command(["tenant", "create", "Acme Ltd!", "--name", "Another"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/acme-ltd/);
    expect(refused.stdout).toBe("");
    expect((await installation.command(["tenant", "create", "other"])).code).toBe(2);
    expect((await installation.command(["tenant", "make"])).code).toBe(2);
  });
});

describe("a tenant by the API", () => {
  const taken = fresh("acme");
  beforeAll(() => installation.api.createTenant(taken));

  it.each([
    ["a taken slug", { slug: taken }, 409, "slug_taken"],
    ["a reserved slug", { slug: "www" }, 422, undefined],
    ["a slug with two hyphens", { slug: "a--b" }, 422, undefined],
    [
      "a level that isn't built",
      { slug: "other", isolation: { compute: "container" } },
      422,
      "isolation_unavailable",
    ],
    ["a preset that isn't built", { slug: "other", preset: "hard" }, 422, "isolation_unavailable"],
    ["an application that isn't there", { slug: "other", app: "nothing" }, 404, "app_not_found"],
  ])("is refused for %s, and nothing is left of it", async (_what, body, status, code) => {
    const before = await installation.sql("select slug from tenants order by slug");
    const reply = await installation.api.call("POST", "/v1/tenants", { name: "Other", ...body });
    expect(reply).toMatchObject({ status, body: code ? { code } : {} });
    expect(reply.headers.get("content-type")).toContain("application/problem+json");
    expect(await installation.sql("select slug from tenants order by slug")).toEqual(before);
  });

  it("is made once for one idempotency key, however often it is asked for", async () => {
    const key = { "idempotency-key": fresh("the-same-key-twice") };
    const body = { slug: fresh("once"), name: "Once" };
    const first = await installation.api.call<OperationReply>("POST", "/v1/tenants", body, key);
    const second = await installation.api.call<OperationReply>("POST", "/v1/tenants", body, key);
    expect(first.status).toBe(202);
    expect(second).toMatchObject({ status: 202, body: { id: first.body.id } });
    const other = { ...body, slug: "twice" };
    expect(await installation.api.call("POST", "/v1/tenants", other, key)).toMatchObject({ status: 422 });
    expect(await installation.api.ended(first.body.id)).toMatchObject({ status: "succeeded" });
  });

  it("is changed only from the revision that was seen", async () => {
    const where = `/v1/tenants/${await tenant("seen")}`;
    const { headers } = await installation.api.call("GET", where);
    const etag = headers.get("etag")!;
    const change = (name: string) => installation.api.call("PATCH", where, { name }, { "if-match": etag });
    expect(await change("First")).toMatchObject({ status: 200 });
    expect(await change("Second")).toMatchObject({ status: 412 });
    expect((await installation.api.call("GET", where)).body).toMatchObject({ name: "First" });
  });

  it("is refused beyond MAX_TENANTS, and there is room again when one is deleted", async () => {
    await using small = await startInstallation({ environment: { MAX_TENANTS: "2" } });
    for (const slug of ["one-of-two", "two-of-two"]) await small.api.createTenant(slug);
    const body = { slug: "third", name: "Third" };
    expect(await small.api.call("POST", "/v1/tenants", body)).toMatchObject({
      body: { code: "tenant_limit_reached" },
    });
    const deleted = await small.api.call<OperationReply>("DELETE", "/v1/tenants/one-of-two?now=true");
    expect(await small.api.ended(deleted.body.id)).toMatchObject({ status: "succeeded" });
    await small.api.createTenant("third");
    await becomesWhole(small);
  });
});
