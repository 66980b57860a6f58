import { TenantPool } from "@tenantry/data";
import type { Tenantry } from "./tenantry.ts";

export type { TenantPool } from "@tenantry/data";

/**
 * A pool as of `pg`, over the database of the tenant for whom code runs, for libraries that take one:
 *
 *     const pool = tenantPool(tenantry);
 *     new Kysely({ dialect: new PostgresDialect({ pool }) });
 *     drizzle({ client: pool });
 *     new PrismaClient({ adapter: new PrismaPg(pool) });
 *
 * Make one per process. Statements throw `TenantContextMissing` outside a tenant's context; answers come by promise,
 * not by callback; for long answers there is `tenantry.db.stream`.
 */
export function tenantPool(tenantry: Pick<Tenantry, "current">): TenantPool {
  return new TenantPool(() => tenantry.current().db);
}
