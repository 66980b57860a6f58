import { expect, test } from "vitest";
import { inTransaction, sql, type Tx } from "../../infra/db/index.ts";
import { cancelOperation, defineWorkflow } from "../../infra/workflow/index.ts";
import { newId } from "../../kernel/index.ts";
import { testRegistry } from "../../testing/registry.ts";
import { insertTestApp, insertTestTenant } from "../../testing/tenants.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { openWorkflowBench } from "../../testing/workflows.ts";
import { provisionWorkflow } from "./index.ts";
import { suspendTenant } from "./status.ts";

test("a tenant that is activated while its app switches to a newer schema gets that schema first", async () => {
  const registry = await testRegistry();
  const { db } = registry;
  const appId = await insertTestApp(db, "sites");
  const { tenantId, environmentId } = await insertTestTenant(db, appId, "acme");
  await sql`update tenants set status = 'provisioning'`.execute(db);
  await sql`update environments set status = 'provisioning'`.execute(db);
  await sql`update apps set schema_version = 1`.execute(db);
  const migrated: unknown[] = [];
  const placements = {
    migrateDatabase: async (_context: unknown, databaseId: string, schemaVersion: number) => {
      migrated.push([databaseId, schemaVersion]);
    },
  } as never;
  const context = {
    db,
    operationId: newId(),
    tenantId,
    environmentId,
    input: { appId },
    assertLease: async () => undefined,
    results: { "create-database": { databaseId: "its own", schemaVersion: 1 } },
    transaction: (work: (tx: Tx) => Promise<unknown>) => inTransaction(db, work),
    passPointOfNoReturn: async () => undefined,
  } as never;
  const { steps } = provisionWorkflow({ placements, rootDomain: "localhost" });
  const activate = steps.find(({ name }) => name === "activate")!;

  let activating: Promise<unknown> | undefined;
  await inTransaction(db, async (tx) => {
    await sql`select from apps where id = ${appId} for update`.execute(tx);
    await sql`update apps set schema_version = 2 where id = ${appId}`.execute(tx);
    activating = activate.run(context);
    await waitUntil("the activation waits for the switch", async () => {
      const { rows } = await sql`
        select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
      `.execute(db);
      return rows.length > 0;
    });
  });
  await activating;
  expect(migrated).toEqual([["its own", 2]]);
  const { rows } = await sql`select status from tenants`.execute(db);
  expect(rows).toEqual([{ status: "active" }]);
  await registry.close();
});

test("a tenant that was activated can't be cancelled away, nor is it resumed when it was suspended right then", async () => {
  const registry = await testRegistry();
  const { db } = registry;
  const bench = await openWorkflowBench(registry);
  const appId = await insertTestApp(db, "sites");
  const { tenantId, environmentId } = await insertTestTenant(db, appId, "acme");
  await sql`update tenants set status = 'provisioning'`.execute(db);
  await sql`update environments set status = 'provisioning'`.execute(db);
  const placed = async () => ({ databaseId: "its own", schemaVersion: 0 });
  const placements = { placeDatabase: placed, placeStorage: placed, placeCache: placed } as never;
  const workflow = provisionWorkflow({ placements, rootDomain: "localhost" });
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  let attempts = 0;
  const steps = workflow.steps.map((step) => ({
    ...step,
    async run(context: Parameters<typeof step.run>[0]) {
      const result = await step.run(context);
      if (step.name !== "activate") return result;
      attempts += 1;
      await held;
      if (attempts === 1) throw new Error("The connection broke.");
      return result;
    },
  }));
  await bench.worker([defineWorkflow({ ...workflow, steps })]);
  const id = await bench.begin(workflow, {
    tenantId,
    environmentId,
    input: { appId, isolation: {} } as never,
  });
  await waitUntil("it is active", () => attempts === 1);
  await expect(inTransaction(db, (tx) => cancelOperation(tx, id))).rejects.toMatchObject({
    code: "illegal_transition",
  });
  await suspendTenant(db, "acme", "unpaid");
  letGo();
  await bench.reaches(id, "succeeded");
  expect(attempts).toBe(2);
  const { rows } = await sql`select status from tenants`.execute(db);
  expect(rows).toEqual([{ status: "suspended" }]);
  await bench.close();
  await registry.close();
});
