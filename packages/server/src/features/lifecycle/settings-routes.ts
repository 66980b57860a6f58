import { changeSettingsRequest, settingListReply } from "@tenantry/contract";
import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import { principalName, principalOf, type RouteGroup } from "../../infra/http/index.ts";
import { selectEnvironmentsOf, touchRuntime } from "../environments/index.ts";
import type { Settings } from "../settings/index.ts";
import { findTenant, findTenantLocked, requireStaying, withDescendants } from "../tenants/index.ts";
import { tenantParams } from "./tenant-reply.ts";

const tags = ["settings"];

export type TenantSettingsParts = {
  db: Db;
  settings: Settings;
  /** Routes the domains of these tenants as their settings say now. */
  settleDomains: (tx: Tx, tenantIds: readonly string[]) => Promise<void>;
};

/** `/v1/tenants/{tenant}/settings`: what holds for one tenant; its applications learn of a change within a second. */
export function tenantSettingsRoutes({ db, settings, settleDomains }: TenantSettingsParts): RouteGroup {
  return (api) => {
    api.get(
      "/v1/tenants/:tenant/settings",
      {
        config: { permission: "tenants:read" },
        schema: {
          operationId: "listTenantSettings",
          summary: "Show a tenant's effective settings, and where each value comes from",
          tags,
          params: tenantParams,
          response: { 200: settingListReply },
        },
      },
      async (request) => {
        const { id } = await findTenant(db, request.params.tenant);
        return { items: await settings.list(db, { tenantId: id }) };
      },
    );
    api.patch(
      "/v1/tenants/:tenant/settings",
      {
        config: { permission: "tenants:write" },
        schema: {
          operationId: "changeTenantSettings",
          summary: "Change settings of a tenant; null goes back to the installation's value",
          tags,
          params: tenantParams,
          body: changeSettingsRequest,
          response: { 200: settingListReply },
        },
      },
      async (request) => {
        const changedBy = principalName(principalOf(request));
        const { tenant } = request.params;
        const id = await inTransaction(db, async (tx) => {
          const found = await findTenantLocked(tx, tenant);
          requireStaying(found);
          const tenantId = found.id;
          const layer = { scope: "tenant", scopeId: tenantId } as const;
          await settings.change(tx, layer, request.body, { changedBy });
          const keys = Object.keys(request.body).sort();
          await recordEvent(tx, { name: "tenant.settings-changed", tenantId, data: { keys } });
          // Those below inherit it.
          const concerned = await withDescendants(tx, tenantId);
          const environments = await selectEnvironmentsOf(tx, concerned);
          await settleDomains(tx, concerned);
          await touchRuntime(
            tx,
            environments.map((environment) => environment.id),
          );
          return tenantId;
        });
        return { items: await settings.list(db, { tenantId: id }) };
      },
    );
  };
}
