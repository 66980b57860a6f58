import type { OperationReply } from "@tenantry/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { holdAt, type Point, recordingOf } from "../support/hold.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { holdSpares } from "../support/spares.ts";
import { killInside } from "../support/steps.ts";
import { becomesWhole } from "../support/whole.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
});
beforeEach(() => installation.revive());
afterAll(() => installation?.[Symbol.asyncDispose]());

type Case = { when: string; point: Point };

const at = (database: "schema" | "sqlite") => ({ isolation: { database } });

async function becomesActive(point: Point, level: "schema" | "sqlite"): Promise<void> {
  const slug = fresh("tenant");
  const ended = await killInside(installation, { step: "create-database", point }, async () => {
    const body = { slug, name: `The ${slug} company`, ...at(level) };
    return (await installation.api.call<OperationReply>("POST", "/v1/tenants", body)).body.id;
  });
  expect(ended).toMatchObject({ status: "succeeded" });
  expect((await installation.visit(slug)).body).toContain(`The ${slug} company`);
  await becomesWhole(installation);
}

async function isGone(point: Point, level: "schema" | "sqlite"): Promise<void> {
  const slug = fresh("tenant");
  await installation.api.createTenant(slug, at(level));
  const ended = await killInside(installation, { step: "remove-database", point }, async () => {
    const reply = await installation.api.call<OperationReply>("DELETE", `/v1/tenants/${slug}?now=true`);
    return reply.body.id;
  });
  expect(ended).toMatchObject({ status: "succeeded" });
  await becomesWhole(installation);
}

describe("kill -9 of everything while a tenant gets a schema: it becomes active, and nothing is left over or missing", () => {
  const cases: Case[] = [
    { when: "before the database of all schemas is made", point: { catalog: "pg_database" } },
    { when: "before its roles are made", point: { catalog: "pg_authid" } },
    {
      when: "before its schema is declared finished",
      point: {
        before: "update",
        on: "resources",
        when: "new.physical_name ~ '[.]tns_' and new.state = 'present'",
      },
    },
    {
      when: "between its role and its owner",
      point: {
        before: "update",
        on: "resources",
        when: "new.physical_name ~ '^tno_' and new.state = 'present'",
      },
    },
    { when: "when all is done but recording it", point: recordingOf("create-database") },
  ];
  it.each(cases)("$when", async ({ point }) => {
    await using _spares = await holdSpares(installation);
    await becomesActive(point, "schema");
  });
});

describe("kill -9 of everything at a schema that stands ready: nothing is left over or missing", () => {
  beforeEach(() => installation.api.createTenant(fresh("first"), at("schema")));

  it("while a tenant takes it: the tenant becomes active", async () => {
    await eventually("one is ready", async () => {
      const ready = "select from databases where level = 'schema' and state = 'spare'";
      return (await installation.sql(ready)).length > 0;
    });
    const when = "new.kind = 'database'";
    await becomesActive({ before: "insert", on: "placements", when }, "schema");
  });

  it("while it is made", async () => {
    const when = "new.level = 'schema' and new.state = 'spare'";
    await using hold = await holdAt(installation, { before: "update", on: "databases", when });
    await installation.api.createTenant(fresh("taker"), at("schema"));
    await hold.reached();
    await installation.kill();
    await installation.start();
    await hold.release();
    await becomesWhole(installation);
  });
});

describe("kill -9 of everything while a tenant's schema is removed: it is gone, and nothing is left over", () => {
  const cases: Case[] = [
    { when: "before its roles go", point: { catalog: "pg_authid" } },
    {
      when: "before the registry forgets it",
      point: { before: "delete", on: "databases", when: "old.state = 'removing'" },
    },
    { when: "when all is done but recording it", point: recordingOf("remove-database") },
  ];
  it.each(cases)("$when", ({ point }) => isGone(point, "schema"));
});

describe("kill -9 of everything while a tenant gets a file, or loses it", () => {
  const file = "new.physical_name ~ '^tna_'";
  it.each<Case>([
    { when: "before it is declared", point: { before: "insert", on: "resources", when: file } },
    {
      when: "before it is declared finished",
      point: { before: "update", on: "resources", when: `${file} and new.state = 'present'` },
    },
    { when: "when it stands and isn't recorded", point: recordingOf("create-database") },
  ])("$when it becomes active", ({ point }) => becomesActive(point, "sqlite"));

  it.each<Case>([
    {
      when: "before the registry forgets it",
      point: { before: "delete", on: "databases", when: "old.state = 'removing'" },
    },
    { when: "when all is done but recording it", point: recordingOf("remove-database") },
  ])("$when it is gone", ({ point }) => isGone(point, "sqlite"));
});
