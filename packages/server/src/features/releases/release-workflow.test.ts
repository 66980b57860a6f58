import { afterAll, beforeAll, expect, it } from "vitest";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { createSecrets } from "../../infra/secrets/index.ts";
import { defineWorkflow, retryOperation } from "../../infra/workflow/index.ts";
import { failure } from "../../kernel/index.ts";
import { fresh } from "../../testing/fresh.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp } from "../../testing/tenants.ts";
import { openWorkflowBench, type WorkflowBench } from "../../testing/workflows.ts";
import { createRelease, releaseWorkflow } from "./index.ts";

let registry: TestRegistry;
let bench: WorkflowBench;
/** What the migrations come to. */
let outcome: () => Promise<void> = async () => undefined;

const noFleet = {
  databases: 0,
  current: 0,
  givenUp: 0,
  environments: 0,
  environmentsCurrent: 0,
  environmentsGivenUp: 0,
};

const workflow = releaseWorkflow({
  placements: {
    tryMigrations: () => outcome(),
    dropTrials: async () => undefined,
    migrateFleet: async () => noFleet,
  },
  refreshRoutes: async () => undefined,
});

beforeAll(async () => {
  registry = await testRegistry();
  bench = await openWorkflowBench(registry);
  await bench.worker([defineWorkflow(workflow)]);
});
afterAll(async () => {
  await bench.close();
  await registry.close();
});

const fails = async () => {
  throw failure("migration_failed", { detail: "0001.sql, line 1" });
};
const works = async () => undefined;

function release(app: string, ...texts: string[]): Promise<string> {
  const migrations = texts.map((text, index) => ({ name: `000${index + 1}.sql`, sql: text }));
  const secrets = createSecrets(Buffer.alloc(32, 1));
  const deps = { db: registry.db, secrets, releaseWorkflow: workflow, firstUid: () => 64_200 };
  const request = { upstreamUrl: "http://127.0.0.1:1", variables: {}, healthPath: "/", migrations };
  return createRelease(deps, app, request, "test");
}

async function appOf(slug: string) {
  const { rows } = await sql`
    select a.schema_version as "schemaVersion", r.number as current,
      array(select m.sql from app_migrations m where m.app_id = a.id order by m.ordinal) as migrations
    from apps a left join releases r on r.id = a.current_release_id where a.slug = ${slug}
  `.execute(registry.db);
  return rows[0];
}

const retry = (id: string) => inTransaction(registry.db, (tx) => retryOperation(tx, id));

it("a release that failed leaves no migration behind, so that a mended one can come in its place", async () => {
  const app = fresh("mended");
  await insertTestApp(registry.db, app);
  outcome = fails;
  await bench.reaches(await release(app, "broken"), "failed");
  expect(await appOf(app)).toEqual({ schemaVersion: 0, current: null, migrations: [] });
  outcome = works;
  await bench.reaches(await release(app, "whole"), "succeeded");
  expect(await appOf(app)).toEqual({ schemaVersion: 1, current: 2, migrations: ["whole"] });
});

it("a failed release whose migrations were taken back can't be retried into a schema that nobody has", async () => {
  const app = fresh("retried");
  await insertTestApp(registry.db, app);
  outcome = fails;
  const id = await release(app, "one");
  await bench.reaches(id, "failed");
  outcome = works;
  await retry(id);
  const { error } = await bench.reaches(id, "failed", "succeeded");
  expect(error).toMatchObject({ code: "illegal_transition", detail: expect.stringContaining("taken back") });
  expect(await appOf(app)).toEqual({ schemaVersion: 0, current: null, migrations: [] });
});

it("a failed release that is retried while a newer one is under way touches neither that nor its migrations", async () => {
  const app = fresh("overtaken");
  await insertTestApp(registry.db, app);
  outcome = fails;
  const older = await release(app, "one");
  await bench.reaches(older, "failed");
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  outcome = () => held;
  const newer = await release(app, "two");
  await retry(older);
  const { error } = await bench.reaches(older, "failed", "succeeded");
  expect(error).toMatchObject({ code: "illegal_transition", detail: expect.stringContaining("come since") });
  letGo();
  await bench.reaches(newer, "succeeded");
  expect(await appOf(app)).toEqual({ schemaVersion: 1, current: 2, migrations: ["two"] });
});
