import { afterAll, beforeAll, expect, it } from "vitest";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { defineWorkflow } from "../../infra/workflow/index.ts";
import { fresh } from "../../testing/fresh.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp, insertTestTenant } from "../../testing/tenants.ts";
import { openWorkflowBench, type WorkflowBench } from "../../testing/workflows.ts";
import { touchAllRuntime } from "../environments/index.ts";
import { createSettings } from "../settings/index.ts";
import { deleteTenant, undeleteTenant } from "./delete.ts";
import { deleteWorkflow } from "./index.ts";

let registry: TestRegistry;
let bench: WorkflowBench;
let appId: string;

const deletion = deleteWorkflow({
  placements: {
    // Somebody changes a setting of the installation while the purge goes on.
    removePlacements: () => inTransaction(registry.db, touchAllRuntime),
    standing: async () => [],
  },
});

beforeAll(async () => {
  registry = await testRegistry();
  appId = await insertTestApp(registry.db, "sites");
  await sql`insert into installation (id, root_domain, tenant_count) values (${appId}, 'test', 100)`.execute(
    registry.db,
  );
  bench = await openWorkflowBench(registry);
  await bench.worker([defineWorkflow(deletion)]);
});
afterAll(async () => {
  await bench.close();
  await registry.close();
});

const remove = (slug: string) =>
  deleteTenant({ db: registry.db, settings: createSettings({}), deletion }, slug, {
    now: true,
    requestedBy: "test",
    check: () => undefined,
  });

it("applications that follow during a purge are told at its end that the environment is gone", async () => {
  const slug = fresh("followed");
  const { environmentId } = await insertTestTenant(registry.db, appId, slug);
  await bench.reaches(await remove(slug), "succeeded");
  const { rows } = await sql`
    select from stream_tombstones t join stream_versions s using (stream, version)
    where stream = 'runtime' and key = ${environmentId}
  `.execute(registry.db);
  expect(rows).toHaveLength(1);
});

it("a child in sight that is gone is told to its parent's applications", async () => {
  const [parent, slug] = [fresh("parent"), fresh("child")];
  const above = await insertTestTenant(registry.db, appId, parent);
  const child = await insertTestTenant(registry.db, appId, slug);
  await sql`
    update tenants set parent_id = ${above.tenantId}, visible_to = ${above.tenantId} where id = ${child.tenantId}
  `.execute(registry.db);
  await bench.reaches(await remove(slug), "succeeded");
  // Not before the child was: whoever looked again then would have seen it still.
  const { rows } = await sql<{ told: boolean }>`
    select e.version >= max(t.version) as told from environments e, stream_tombstones t
    where e.id = ${above.environmentId} and t.stream = 'runtime' and t.key = ${child.environmentId} group by e.version
  `.execute(registry.db);
  expect(rows).toEqual([{ told: true }]);
});

it("an undoing that races with the purge wins wholly or is refused: no tenant is left half-way", async () => {
  for (let round = 0; round < 15; round += 1) {
    const slug = fresh("raced");
    await insertTestTenant(registry.db, appId, slug);
    const operationId = await remove(slug);
    if (round % 2 === 1) await bench.reaches(operationId, "running", "succeeded");
    const undone = await undeleteTenant(registry.db, slug).catch(() => undefined);
    await bench.reaches(operationId, undone ? "cancelled" : "succeeded");
    const { rows } = await sql<{ status: string; environment: string }>`
      select t.status, e.status as environment from tenants t join environments e on e.tenant_id = t.id
      where t.slug = ${slug}
    `.execute(registry.db);
    expect(rows).toEqual(undone ? [{ status: "active", environment: "ready" }] : []);
  }
});
