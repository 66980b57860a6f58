import type { DatabaseLevel } from "@tenantry/contract";
import { type Db, inTransaction } from "../../infra/db/index.ts";
import { startOperation, type Workflow } from "../../infra/workflow/index.ts";
import { newId } from "../../kernel/index.ts";
import { insertEnvironment } from "../environments/index.ts";
import { addSystemRoute } from "../routing/index.ts";
import { insertTenant } from "../tenants/index.ts";
import { resolveIsolation } from "./isolation.ts";
import type { ProvisionInput } from "./provision-workflow.ts";

export type InternalTenant = {
  slug: string;
  name: string;
  appId: string;
  level: DatabaseLevel;
};

/**
 * Registers a tenant of the platform's own and starts its provisioning, like any other's; but it stands in no list,
 * counts against no limit, and no event tells of it. False when there is one of that slug.
 */
export async function createInternalTenant(
  deps: { db: Db; rootDomain: string; provision: Workflow<ProvisionInput> },
  { slug, name, appId, level }: InternalTenant,
): Promise<boolean> {
  const { db, rootDomain, provision } = deps;
  const places = { storage: ["prefix"], cache: ["prefix"] };
  const isolation = resolveIsolation({ isolation: { database: level }, name }, level, places);
  return inTransaction(db, async (tx) => {
    const [tenantId, environmentId] = [newId(), newId()];
    const blank = {
      clientId: null,
      plan: null,
      region: null,
      parentId: null,
      visibleToParent: false,
      logoUrl: null,
      groups: [],
    };
    const words = { timezone: "UTC", language: "en" };
    const inserted = await insertTenant(tx, {
      ...blank,
      ...words,
      id: tenantId,
      slug,
      name,
      appId,
      internal: true,
    });
    if (!inserted) return false;
    await insertEnvironment(tx, { id: environmentId, tenantId, name: "production" });
    const input: ProvisionInput = { appId, isolation, region: null };
    await startOperation(tx, { workflow: provision, tenantId, environmentId, input, internal: true });
    await addSystemRoute(tx, { environmentId, slug, environment: "production", rootDomain });
    return true;
  });
}
