import type { OperationReply } from "@tenantry/contract";
import { beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { holdAt, recordingOf } from "../support/hold.ts";
import { holdSpares } from "../support/spares.ts";
import { killInside } from "../support/steps.ts";
import { killInsideEach, type Place, titled } from "../support/together.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();

type Level = "schema" | "sqlite";
/** A point on the way of a tenant to its level, or away from it. */
type Case = Place & { level: Level; step: "create-database" | "remove-database" };

const coming = (level: Level, when: string, point: Place["point"]): Case => ({
  ...{ level, when: `${level}, ${when}`, point, step: "create-database" },
});
const leaving = (level: Level, when: string, point: Place["point"]): Case => ({
  ...{ level, when: `${level}, ${when}`, point, step: "remove-database" },
});
const present = (name: string): Place["point"] => ({
  ...{ before: "update", on: "resources", when: `new.physical_name ~ '${name}' and new.state = 'present'` },
});

const recorded = "when all is done but recording it";
const forgotten: Place["point"] = { before: "delete", on: "databases", when: "old.state = 'removing'" };
const file = "^tna_";
const declared: Place["point"] = { before: "insert", on: "resources", when: `new.physical_name ~ '${file}'` };

/** Each with those that let it pass; whoever works on a schema keeps others from the database of all schemas. */
const together: Case[][] = [
  [
    coming("schema", recorded, recordingOf("create-database")),
    coming("sqlite", recorded, recordingOf("create-database")),
    coming("sqlite", "before it is declared finished", present(file)),
    leaving("sqlite", recorded, recordingOf("remove-database")),
    coming("schema", "before its schema is declared finished", present("[.]tns_")),
  ],
  [
    leaving("schema", recorded, recordingOf("remove-database")),
    coming("sqlite", "before it is declared", declared),
    leaving("sqlite", "before the registry forgets it", forgotten),
    leaving("schema", "before the registry forgets it", forgotten),
    coming("schema", "between its role and its owner", present("^tno_")),
  ],
];

async function begin({ step, level }: Pick<Case, "step" | "level">, slug: string): Promise<string> {
  if (step === "remove-database") {
    const reply = await installation.api.call<OperationReply>("DELETE", `/v1/tenants/${slug}?now=true`);
    return reply.body.id;
  }
  const body = { slug, name: `The ${slug} company`, isolation: { database: level } };
  return (await installation.api.call<OperationReply>("POST", "/v1/tenants", body)).body.id;
}

/** The slug of whom the operation is about. */
async function newcomer({ step, level }: Pick<Case, "step" | "level">): Promise<string> {
  const slug = fresh("tenant");
  if (step === "remove-database")
    await installation.api.createTenant(slug, { isolation: { database: level } });
  return slug;
}

async function hasEnded({ step }: Pick<Case, "step">, slug: string): Promise<void> {
  const page = await installation.visit(slug);
  if (step === "create-database") expect(page.body).toContain(`The ${slug} company`);
  else expect(page.status).toBe(404);
}

describe("kill -9 of everything while tenants get a schema or a file, or lose it", () => {
  it.each([
    {
      when: "before the database of all schemas is made",
      step: "create-database",
      point: { catalog: "pg_database" },
    },
    {
      when: "before the roles of a schema are made",
      step: "create-database",
      point: { catalog: "pg_authid" },
    },
    { when: "before the roles of a schema go", step: "remove-database", point: { catalog: "pg_authid" } },
  ] as const)("$when: it becomes active or is gone, and nothing is left over or missing", async (held) => {
    const one = { ...held, level: "schema" as const };
    await using _spares = await holdSpares(installation);
    const slug = await newcomer(one);
    const ended = await killInside(installation, held, () => begin(one, slug));
    expect(ended).toMatchObject({ status: "succeeded" });
    await hasEnded(one, slug);
    await becomesWhole(installation);
  });

  it.each(together.map(titled))(
    "%s: each becomes active or is gone, and nothing is left over or missing",
    async (_title, cases) => {
      const slugs = new Map<Case, string>();
      await using _spares = await holdSpares(installation);
      for (const one of cases) slugs.set(one, await newcomer(one));
      const all = await killInsideEach(installation, cases, (one) => begin(one, slugs.get(one)!));
      for (const { place, ended } of all) {
        expect(ended, place.when).toMatchObject({ status: "succeeded" });
        await hasEnded(place, slugs.get(place)!);
      }
      await becomesWhole(installation);
    },
  );
});

describe("kill -9 of everything at a schema that stands ready: nothing is left over or missing", () => {
  beforeEach(() => installation.api.createTenant(fresh("first"), { isolation: { database: "schema" } }));

  it("while a tenant takes it: the tenant becomes active", async () => {
    await eventually("one is ready", async () => {
      const ready = "select from databases where level = 'schema' and state = 'spare'";
      return (await installation.sql(ready)).length > 0;
    });
    const one = coming("schema", "", { before: "insert", on: "placements", when: "new.kind = 'database'" });
    const slug = await newcomer(one);
    const ended = await killInside(installation, one, () => begin(one, slug));
    expect(ended).toMatchObject({ status: "succeeded" });
    await hasEnded(one, slug);
    await becomesWhole(installation);
  });

  it("while it is made", async () => {
    const when = "new.level = 'schema' and new.state = 'spare'";
    await using hold = await holdAt(installation, { before: "update", on: "databases", when });
    await installation.api.createTenant(fresh("taker"), { isolation: { database: "schema" } });
    await hold.reached();
    await installation.kill();
    await installation.start();
    await hold.release();
    await becomesWhole(installation);
  });
});
