import type { Db } from "../../infra/db/index.ts";
import { failure } from "../../kernel/index.ts";
import { findTenant } from "../tenants/index.ts";
import { findApp } from "./apps.ts";

/** One tenant, by its slug or id, or the tenants of a group. */
export type Narrowed = { tenant?: string | undefined; group?: string | undefined };

/** The app, and which of its environments are meant; a tenant of another app is `tenant_not_found`. */
export async function scopeOf(db: Db, idOrSlug: string, { tenant, group }: Narrowed) {
  const app = await findApp(db, idOrSlug);
  const found = tenant === undefined ? undefined : await findTenant(db, tenant);
  if (found && found.appId !== app.id) {
    throw failure("tenant_not_found", { detail: `${found.slug} doesn't run ${app.slug}.` });
  }
  return { app, tenantId: found?.id, group };
}
