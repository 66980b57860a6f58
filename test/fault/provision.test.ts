import type { OperationReply, TenantReply } from "@tenantry/contract";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { holdAt, type Point, recordingOf } from "../support/hold.ts";
import { killInside } from "../support/steps.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();

type Case = { step: string; when: string; point: Point };

const cases: Case[] = [
  {
    step: "create-database",
    when: "while it takes a spare",
    point: { before: "insert", on: "placements", when: "new.kind = 'database'" },
  },
  {
    step: "initialise-storage",
    when: "before the directory is made",
    point: { before: "insert", on: "resources", when: "new.kind = 'storage'" },
  },
  {
    step: "initialise-storage",
    when: "after the directory was made",
    point: { before: "update", on: "resources", when: "new.kind = 'storage' and new.state = 'present'" },
  },
  {
    step: "prepare-cache",
    when: "while it writes its placement",
    point: { before: "insert", on: "placements", when: "new.kind = 'cache'" },
  },
  { step: "create-admin", when: "while it adds the user", point: { before: "insert", on: "users" } },
  {
    step: "activate",
    when: "between the tenant and its environment",
    point: { before: "update", on: "environments", when: "new.status = 'ready'" },
  },
  ...[
    "register",
    "create-database",
    "initialise-storage",
    "prepare-cache",
    "configure-domain",
    "create-admin",
    "activate",
  ].map((step) => ({ step, when: "when all is done but recording it", point: recordingOf(step) })),
];

describe("kill -9 of everything during the provisioning of a tenant", () => {
  it.each(cases)(
    "in the step $step, $when: the tenant becomes active, and nothing is left over or missing",
    async ({ step, point }) => {
      const slug = fresh("tenant");
      const ended = await killInside(installation, { step, point }, () => beginTenant(slug));
      expect(ended).toMatchObject({ status: "succeeded" });
      await isServed(slug);
      await becomesWhole(installation);
    },
  );
});

describe("kill -9 of everything while a database is built on the spot, since there is no spare", () => {
  it.each([
    { when: "before its role is made", point: { catalog: "pg_authid" } as const },
    { when: "before it is made", point: { catalog: "pg_database" } as const },
  ])("$when: the tenant becomes active, and nothing is left over or missing", async ({ point }) => {
    await using hold = await holdAt(installation, point);
    // Others take what stands ready, until one finds the shelf empty.
    const begun = await eventually("a tenant is held", async () => {
      const slug = fresh("on-the-spot");
      const operationId = await beginTenant(slug);
      const { status } = await Promise.race([
        installation.api.ended(operationId),
        hold.reached(operationId).then(() => ({ status: "held" })),
      ]);
      return status === "held" ? { operationId, slug } : undefined;
    });
    await installation.kill();
    await installation.start();
    await hold.release();
    expect(await installation.api.ended(begun.operationId)).toMatchObject({ status: "succeeded" });
    await isServed(begun.slug);
    await becomesWhole(installation);
  });
});

async function beginTenant(slug: string): Promise<string> {
  const admin = { email: `admin@${slug}.example`, password: "correct horse battery" };
  const body = { slug, name: `The ${slug} company`, admin };
  const { status, body: operation } = await installation.api.call<OperationReply>(
    "POST",
    "/v1/tenants",
    body,
  );
  expect(status).toBe(202);
  return operation.id;
}

async function isServed(slug: string): Promise<void> {
  const { body: tenant } = await installation.api.call<TenantReply>("GET", `/v1/tenants/${slug}`);
  expect(tenant).toMatchObject({ status: "active", environments: [{ status: "ready" }] });
  const users = await installation.api.call<{ items: unknown[] }>("GET", `/v1/tenants/${slug}/users`);
  expect(users.body.items).toHaveLength(1);
  const page = await installation.visit(slug);
  expect(page).toMatchObject({ status: 200 });
  expect(page.body).toContain(`The ${slug} company`);
}
