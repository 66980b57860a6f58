import type { OperationReply, TenantReply } from "@tenantry/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { becomesWhole } from "../support/whole.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation({ environment: { MAX_TENANTS: "6" } });
  await installation.api.createTenant("acme", { name: "Acme Ltd" });
});
afterAll(() => installation?.[Symbol.asyncDispose]());

const statusOf = async (slug: string) => (await installation.visit(slug)).status;

async function json<Body>(...args: string[]): Promise<Body> {
  const { code, stdout, stderr } = await installation.command([...args, "--json"]);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return JSON.parse(stdout) as Body;
}

describe("a tenant by the command line", () => {
  it("is made, listed, shown and changed; --json prints what programs read and nothing else", async () => {
    const made = await json<TenantReply>("tenant", "create", "globex", "--name", "Globex", "--wait");
    expect(made).toMatchObject({ slug: "globex", name: "Globex", status: "active" });
    const list = await json<{ items: TenantReply[] }>("tenant", "list");
    expect(list.items.map(({ slug }) => slug)).toEqual(["globex", "acme"]);
    const changed = await json<TenantReply>("tenant", "update", "globex", "--name", "Globex Corporation");
    expect(changed.name).toBe("Globex Corporation");
    const shown = await installation.command(["tenant", "show", "globex"]);
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toContain("Globex Corporation");
  });

  it("keeps its old host for 30 days as a redirect when it is renamed", async () => {
    await json("tenant", "update", "globex", "--slug", "initech");
    await eventually("the new host answers", async () => (await statusOf("initech")) === 200);
    const old = await installation.visit("globex", "/a?b=c");
    expect(old.status).toBe(308);
    expect(old.headers.location).toBe(`http://initech.localhost:${installation.gatewayPort}/a?b=c`);
    const [route] = await installation.sql<{ days: number }>(
      "select round(extract(epoch from expires_at - now()) / 86400)::int as days from routes where redirect_to is not null",
    );
    expect(route).toEqual({ days: 30 });
  });

  it("answers 503 within a second of being suspended, and again when it is resumed", async () => {
    expect((await installation.command(["tenant", "suspend", "initech", "--reason", "unpaid"])).code).toBe(0);
    await eventually("its host says so", async () => (await statusOf("initech")) === 503, 1_000);
    expect((await installation.command(["tenant", "resume", "initech"])).code).toBe(0);
    await eventually("its host answers", async () => (await statusOf("initech")) === 200, 1_000);
  });

  it("is closed for maintenance, with a message, and opened again", async () => {
    const on = ["tenant", "maintenance", "on", "initech", "--message", "Back at six", "--retry-after", "60"];
    const said = await installation.command(on);
    expect(said).toMatchObject({ code: 0, stdout: "initech is closed for maintenance.\n" });
    await eventually("its host says so", async () => (await statusOf("initech")) === 503);
    const seen = await installation.visit("initech", "/", { headers: { accept: "text/html" } });
    expect(seen.body).toContain("Back at six");
    expect(seen.headers["retry-after"]).toBe("60");
    expect((await installation.command(["tenant", "show", "initech"])).stdout).toContain("maintenance");
    const off = await json<TenantReply>("tenant", "maintenance", "off", "initech");
    expect(off.environments[0]).toMatchObject({ status: "ready", maintenance: null });
    await eventually("its host answers", async () => (await statusOf("initech")) === 200);
  });

  it("isn't deleted without a yes where nobody can be asked, and nothing changes", async () => {
    const refused = await installation.command(["tenant", "delete", "initech"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("--yes");
    expect(await statusOf("initech")).toBe(200);
  });

  it("can be had back within the grace of its deletion", async () => {
    expect((await installation.command(["tenant", "delete", "initech", "--yes"])).code).toBe(0);
    await eventually("its host is gone", async () => (await statusOf("initech")) === 410, 2_000);
    expect((await installation.command(["tenant", "resume", "initech"])).code).toBe(0);
    await eventually("its host answers", async () => (await statusOf("initech")) === 200, 2_000);
    await becomesWhole(installation);
  });

  it("is gone for good with --now: 410, then 404, and its slug can be had again", async () => {
    const seen = new Set<number>();
    const deleting = installation.command(["tenant", "delete", "initech", "--yes", "--now", "--wait"]);
    await eventually("its host is free", async () => {
      const status = await statusOf("initech");
      seen.add(status);
      return status === 404;
    });
    expect((await deleting).code).toBe(0);
    expect([...seen].every((status) => [200, 410, 404].includes(status))).toBe(true);
    expect(await statusOf("globex")).toBe(404);
    await becomesWhole(installation);
    await installation.api.createTenant("initech");
    expect(await statusOf("initech")).toBe(200);
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
  it.each([
    ["a taken slug", { slug: "acme" }, 409, "slug_taken"],
    ["a reserved slug", { slug: "www" }, 422, undefined],
    ["a slug with two hyphens", { slug: "a--b" }, 422, undefined],
    [
      "a level that isn't built",
      { slug: "other", isolation: { database: "schema" } },
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
    const key = { "idempotency-key": "the-same-key-twice" };
    const body = { slug: "once", name: "Once" };
    const first = await installation.api.call<OperationReply>("POST", "/v1/tenants", body, key);
    const second = await installation.api.call<OperationReply>("POST", "/v1/tenants", body, key);
    expect(first.status).toBe(202);
    expect(second).toMatchObject({ status: 202, body: { id: first.body.id } });
    const other = { ...body, slug: "twice" };
    expect(await installation.api.call("POST", "/v1/tenants", other, key)).toMatchObject({ status: 422 });
    expect(await installation.api.ended(first.body.id)).toMatchObject({ status: "succeeded" });
  });

  it("is changed only from the revision that was seen", async () => {
    const { headers } = await installation.api.call("GET", "/v1/tenants/once");
    const etag = headers.get("etag")!;
    const change = (name: string) =>
      installation.api.call("PATCH", "/v1/tenants/once", { name }, { "if-match": etag });
    expect(await change("First")).toMatchObject({ status: 200 });
    expect(await change("Second")).toMatchObject({ status: 412 });
    expect((await installation.api.call("GET", "/v1/tenants/once")).body).toMatchObject({ name: "First" });
  });

  it("is refused beyond MAX_TENANTS, and there is room again when one is deleted", async () => {
    for (const slug of ["four", "five", "six"]) await installation.api.createTenant(slug);
    const body = { slug: "seven", name: "Seven" };
    expect(await installation.api.call("POST", "/v1/tenants", body)).toMatchObject({
      body: { code: "tenant_limit_reached" },
    });
    const deleted = await installation.api.call<OperationReply>("DELETE", "/v1/tenants/six?now=true");
    expect(await installation.api.ended(deleted.body.id)).toMatchObject({ status: "succeeded" });
    await installation.api.createTenant("seven");
    await becomesWhole(installation);
  });
});
