import { afterAll, beforeAll, expect, test } from "vitest";
import { inTransaction, sql, type Tx } from "../../infra/db/index.ts";
import { newId } from "../../kernel/index.ts";
import { fresh } from "../../testing/fresh.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp, insertTestTenant } from "../../testing/tenants.ts";
import { deleteWorkflow, provisionWorkflow } from "./index.ts";

let registry: TestRegistry;
let appId: string;

beforeAll(async () => {
  registry = await testRegistry();
  appId = await insertTestApp(registry.db, "sites");
});
afterAll(() => registry?.close());

const hash = "$argon2id$v=19$secret";
const placements = {} as never;

/** A tenant whose provisioning is on record, with its admin. */
async function tenantWithAdmin() {
  const tenant = await insertTestTenant(registry.db, appId, fresh("acme"));
  const operationId = newId();
  const input = { appId, admin: { email: "ann@example.com", passwordHash: hash } };
  await sql`
    insert into operations (id, kind, definition_version, tenant_id, environment_id, input, status)
    values (${operationId}, 'tenant.provision', 1, ${tenant.tenantId}, ${tenant.environmentId},
      ${JSON.stringify(input)}::jsonb, 'failed')
  `.execute(registry.db);
  return { ...tenant, operationId, input };
}

async function holdsAdmin(operationId: string): Promise<boolean> {
  const { rows } = await sql<{ text: string }>`
    select input::text as text from operations where id = ${operationId}
  `.execute(registry.db);
  return rows[0]!.text.includes(hash) || rows[0]!.text.includes("ann@example.com");
}

test("a provisioned tenant's operation holds neither its admin's address nor the password's hash", async () => {
  const { operationId, tenantId, environmentId, input } = await tenantWithAdmin();
  const workflow = provisionWorkflow({ placements, rootDomain: "localhost" });
  const ended = (status: "failed" | "succeeded") =>
    inTransaction(registry.db, async (tx) =>
      workflow.ended!(tx, { operationId, tenantId, environmentId, input: input as never, status }),
    );
  await ended("failed");
  // It may be retried, and makes the admin then.
  expect(await holdsAdmin(operationId)).toBe(true);
  await ended("succeeded");
  expect(await holdsAdmin(operationId)).toBe(false);
});

test("nothing of the admin is left once a tenant that was never provisioned is deleted", async () => {
  const { operationId, tenantId } = await tenantWithAdmin();
  const release = deleteWorkflow({ placements }).steps.find(({ name }) => name === "release-slug")!;
  const transaction = (work: (tx: Tx) => Promise<unknown>) => inTransaction(registry.db, work);
  await release.run({ tenantId, transaction } as never);
  expect(await holdsAdmin(operationId)).toBe(false);
});
