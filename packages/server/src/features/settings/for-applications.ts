import { type SettingDefinition, type SettingKey, settingDefinitions } from "@tenantry/contract";
import type { Db, Tx } from "../../infra/db/index.ts";
import type { AncestorRow } from "../tenants/index.ts";
import { type SettingRow, selectSettingsOfMany } from "./settings.sql.ts";

type FixedValues = Partial<Record<SettingKey, { value: unknown }>>;

export type SettingsOfMany = {
  places: readonly { tenantId: string; environmentId: string }[];
  above: ReadonlyMap<string, readonly AncestorRow[]>;
};

/**
 * What applications may see of many environments' effective settings, by the environments' UUIDs, with one statement:
 * the keys that a tenant may have of its own, and the application's own ones (`app.…`).
 * `above` are the tenants' ancestors, nearest first.
 */
export async function settingsForApplications(
  db: Db | Tx,
  fixed: FixedValues,
  { places, above }: SettingsOfMany,
): Promise<Map<string, Record<string, unknown>>> {
  const ownIds = [...new Set(places.map(({ tenantId }) => tenantId))];
  const aboveIds = [...above.values()].flat().map(({ ancestorId }) => ancestorId);
  const rows = await selectSettingsOfMany(db, {
    tenantIds: [...new Set([...ownIds, ...aboveIds])],
    environmentIds: places.map(({ environmentId }) => environmentId),
  });
  const visible = rows.filter(({ scope, key }) => isVisible(key) && !(scope === "platform" && key in fixed));
  const byScope = Map.groupBy(visible, ({ scope, scopeId }) => (scope === "platform" ? "" : scopeId));
  const platform = { ...defaults(fixed), ...valuesOf(byScope.get("")) };
  return new Map(
    places.map(({ tenantId, environmentId }) => {
      const nearestFirst = [
        environmentId,
        tenantId,
        ...(above.get(tenantId) ?? []).map((one) => one.ancestorId),
      ];
      const layers = nearestFirst.reverse().map((scopeId) => valuesOf(byScope.get(scopeId)));
      return [environmentId, Object.assign({}, platform, ...layers)];
    }),
  );
}

function isVisible(key: string): boolean {
  const definition: SettingDefinition | undefined = settingDefinitions[key as SettingKey];
  return key.startsWith("app.") || definition?.scopes.includes("tenant") === true;
}

function defaults(fixed: FixedValues): Record<string, unknown> {
  const keys = (Object.keys(settingDefinitions) as SettingKey[]).filter(isVisible);
  return Object.fromEntries(keys.map((key) => [key, fixed[key]?.value ?? settingDefinitions[key].default]));
}

function valuesOf(rows: readonly SettingRow[] = []): Record<string, unknown> {
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}
