import type { OperationReply } from "@tenantry/contract";
import { describe, expect, it } from "vitest";
import { fresh } from "../support/fresh.ts";
import { type Point, recordingOf } from "../support/hold.ts";
import { killInside } from "../support/steps.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();

type Case = { when: string; point: Point };

const atLevel = { isolation: { database: "dedicated" } };

describe("kill -9 of everything while a tenant gets a server: it becomes active, and nothing is left over or missing", () => {
  const cases: Case[] = [
    {
      when: "before its server is declared finished",
      point: { before: "update", on: "resources", when: "new.kind = 'server' and new.state = 'present'" },
    },
    {
      when: "when the server runs and the registry doesn't know where",
      point: { before: "update", on: "database_servers", when: "old.state = 'creating'" },
    },
    { when: "when all is done but recording it", point: recordingOf("create-database") },
  ];
  it.each(cases)("$when", async ({ point }) => {
    const slug = fresh("tenant");
    const ended = await killInside(installation, { step: "create-database", point }, async () => {
      const body = { slug, name: `The ${slug} company`, ...atLevel };
      return (await installation.api.call<OperationReply>("POST", "/v1/tenants", body)).body.id;
    });
    expect(ended).toMatchObject({ status: "succeeded" });
    expect((await installation.visit(slug)).body).toContain(`The ${slug} company`);
    const removal = await installation.api.call<OperationReply>("DELETE", `/v1/tenants/${slug}?now=true`);
    expect(await installation.api.ended(removal.body.id)).toMatchObject({ status: "succeeded" });
    await becomesWhole(installation);
  });
});

describe("kill -9 of everything while a tenant's server is removed: it is gone, and nothing is left over", () => {
  const cases: Case[] = [
    { when: "before the registry forgets it", point: { before: "delete", on: "database_servers" } },
    { when: "when all is done but recording it", point: recordingOf("remove-database") },
  ];
  it.each(cases)("$when", async ({ point }) => {
    const slug = fresh("tenant");
    await installation.api.createTenant(slug, atLevel);
    const ended = await killInside(installation, { step: "remove-database", point }, async () => {
      const reply = await installation.api.call<OperationReply>("DELETE", `/v1/tenants/${slug}?now=true`);
      return reply.body.id;
    });
    expect(ended).toMatchObject({ status: "succeeded" });
    await becomesWhole(installation);
  });
});
