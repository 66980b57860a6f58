import type { AppReply, TenantReply } from "@tenantry/contract";
import type { Client } from "../api/client.ts";
import { fetchPages } from "../api/pages.ts";
import { path } from "../api/path.ts";

/** Whose databases are meant: those of an application, of a tenant or of a group; everybody's when none is named. */
export type Whose = { app?: string; tenant?: string; group?: string };

/** The applications that are meant: the one named, or the tenant's own, or all that were released. */
export async function appsOf(client: Client, { app, tenant }: Whose): Promise<string[]> {
  if (app !== undefined) return [app];
  if (tenant !== undefined) {
    const { body } = await client.call<TenantReply>("GET", path`/v1/tenants/${tenant}`);
    return [body.app];
  }
  const { items } = await fetchPages<AppReply>(client, "/v1/apps", { all: true });
  return items.filter(({ currentRelease }) => currentRelease !== null).map(({ slug }) => slug);
}
