import { changeSettingsRequest, settingListReply } from "@tenantry/contract";
import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import { principalName, principalOf, type RouteGroup } from "../../infra/http/index.ts";
import type { Settings } from "./settings.ts";

const tags = ["settings"];

export type SettingsRouteDeps = {
  db: Db;
  settings: Settings;
  /** Runs in the transaction of a change: whoever follows environments has to learn of it. */
  changed: (tx: Tx) => Promise<void>;
};

/** `/v1/settings`: the installation's. A tenant's stand below the tenant. */
export function settingsRoutes({ db, settings, changed }: SettingsRouteDeps): RouteGroup {
  return (api) => {
    api.get(
      "/v1/settings",
      {
        config: { permission: "settings:read" },
        schema: {
          operationId: "listSettings",
          summary: "Show the installation's settings, and where each value comes from",
          tags,
          response: { 200: settingListReply },
        },
      },
      async () => ({ items: await settings.list(db) }),
    );
    api.patch(
      "/v1/settings",
      {
        config: { permission: "settings:write" },
        schema: {
          operationId: "changeSettings",
          summary: "Change settings of the installation; null goes back to the default",
          tags,
          body: changeSettingsRequest,
          response: { 200: settingListReply },
        },
      },
      async (request) => {
        const changedBy = principalName(principalOf(request));
        await inTransaction(db, async (tx) => {
          await settings.change(tx, { scope: "platform" }, request.body, { changedBy });
          await changed(tx);
        });
        return { items: await settings.list(db) };
      },
    );
  };
}
