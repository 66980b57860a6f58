import type { TenantReply } from "@tenantry/contract";
import type { Client } from "./client.ts";
import { path } from "./path.ts";

/** Where the API wants a tenant's id, people may give its slug. */
export async function tenantIdOf(client: Client, tenant: string): Promise<string> {
  if (tenant.startsWith("tnt_")) return tenant;
  return (await client.call<TenantReply>("GET", path`/v1/tenants/${tenant}`)).body.id;
}
