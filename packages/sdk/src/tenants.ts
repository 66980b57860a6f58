import type { Child } from "@tenantry/contract";
import { explain } from "./auth.ts";
import type { RuntimeApi } from "./runtime/api.ts";

/** What a tenant may know of others. */
export type Tenants = {
  /**
   * The tenants right below this one that let it see them, by slug; 50 at a time when `limit` (1 to 200) is left out.
   * Nothing is told of the others, nor of those further below. It is sight alone: no database, files, users or log-in of
   * theirs come with it. Show it to the tenant's admins only. Asked anew at each call; `tenant.hasChildren` says without
   * asking whether there are any. Throws `RuntimeUnavailable`, and `TenantryError` with the code `invalid_request`.
   */
  children(page?: {
    limit?: number;
    cursor?: string;
  }): Promise<{ items: Child[]; nextCursor: string | null }>;
};

export function createTenants(api: RuntimeApi, environmentId: () => string): Tenants {
  return {
    async children(page = {}) {
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(page)) {
        if (value !== undefined) query.set(name, String(value));
      }
      return api.children(environmentId(), query).catch((error: unknown) => {
        throw explain(error);
      });
    },
  };
}
