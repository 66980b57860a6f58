import type { AppReply, MigrationListReply, OperationReply } from "@tenantry/contract";
import { describe, expect, it } from "vitest";
import { fresh } from "../support/fresh.ts";
import type { Point } from "../support/hold.ts";
import { databaseUrl, query } from "../support/registry.ts";
import { killInside } from "../support/steps.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();

const first = "create table notes (id int);";
/** Can't be applied twice, nor where a number stands twice. */
const second = "alter table notes add column stars int; create unique index notes_id on notes (id);";

const release = (...texts: string[]) => ({
  upstreamUrl: "http://127.0.0.1:9",
  migrations: texts.map((sql, index) => ({ name: `000${index + 1}.sql`, sql })),
});

/** An app with two tenants at its first version, one of them at the level schema. */
async function newApp() {
  const app = fresh("app");
  const made = await installation.api.call<AppReply & { operationId: string }>("POST", "/v1/apps", {
    slug: app,
    ...release(first),
  });
  expect(await installation.api.ended(made.body.operationId)).toMatchObject({ status: "succeeded" });
  const [small, large] = [fresh("small"), fresh("large")];
  await installation.api.createTenant(small, { app, isolation: { database: "schema" } });
  await installation.api.createTenant(large, { app });
  return { app, small, large };
}

/** Where a tenant's notes are, for a superuser. */
async function notesOf(slug: string): Promise<{ url: string; table: string }> {
  const [row] = await installation.sql<{ name: string }>(
    `select d.name from databases d join placements p on p.database_id = d.id
       join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id where t.slug = $1`,
    [slug],
  );
  const [database, schema] = row!.name.split(".");
  return { url: databaseUrl(installation.registryUrl, database!), table: `${schema ?? "public"}.notes` };
}

async function begin(path: string, body: object): Promise<string> {
  const reply = await installation.api.call<OperationReply>("POST", path, body);
  expect(reply.status).toBe(202);
  return reply.body.id;
}

describe("kill -9 of everything while a tenant that was held back is migrated: it has the file once, and the release", () => {
  const cases: { when: string; point: Point }[] = [
    {
      when: "when its schema has the file and the registry doesn't know",
      point: { before: "update", on: "placements", when: "new.schema_version > old.schema_version" },
    },
    {
      when: "when it is migrated and about to get the release",
      point: {
        before: "update",
        on: "environments",
        when: "old.held_release_id is not null and new.held_release_id is null",
      },
    },
  ];
  it.each(cases)("$when", async ({ point }) => {
    const { app, small } = await newApp();
    const { url, table } = await notesOf(small);
    await query(url, `insert into ${table} values (1), (1)`);
    const released = await begin(`/v1/apps/${app}/releases`, release(first, second));
    expect(await installation.api.ended(released)).toMatchObject({ status: "succeeded" });
    await query(url, `delete from ${table} where ctid = '(0,1)'`);
    const ended = await killInside(installation, { step: "migrate", point }, () =>
      begin(`/v1/apps/${app}/migrations`, {}),
    );
    expect(ended).toMatchObject({ status: "succeeded" });
    const { body } = await installation.api.call<MigrationListReply>("GET", `/v1/apps/${app}/migrations`);
    expect(body.counts).toEqual({ environments: 2, current: 2, behind: 0, failed: 0, heldBack: 0 });
    expect(await query(url, `select * from ${table}`)).toEqual([{ id: 1, stars: null }]);
    await becomesWhole(installation);
  });
});

it("kill -9 of everything when a script is committed and the registry doesn't know: it isn't run again", async () => {
  const { app, small, large } = await newApp();
  const point: Point = { before: "update", on: "script_runs", when: "new.status = 'succeeded'" };
  const body = { name: "add.sql", sql: "insert into notes values (7);", all: true };
  const ended = await killInside(installation, { step: "run", point }, () =>
    begin(`/v1/apps/${app}/script-runs`, body),
  );
  expect(ended).toMatchObject({ status: "succeeded" });
  for (const slug of [small, large]) {
    const { url, table } = await notesOf(slug);
    expect(await query(url, `select * from ${table}`)).toEqual([{ id: 7 }]);
  }
  await becomesWhole(installation);
});
