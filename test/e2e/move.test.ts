import type { OperationReply, TenantReply } from "@tenantry/contract";
import { expect, it } from "vitest";
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
