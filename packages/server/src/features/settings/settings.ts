import {
  type SettingDefinition,
  type SettingKey,
  type SettingReply,
  settingDefinitions,
} from "@tenantry/contract";
import type { Db, Tx } from "../../infra/db/index.ts";
import { wordingOfMistakes } from "../../infra/http/index.ts";
import { type FieldError, failure } from "../../kernel/index.ts";
import { ancestorsOf } from "../tenants/index.ts";
import { type SettingsOfMany, settingsForApplications } from "./for-applications.ts";
import {
  deleteSetting,
  insertSetting,
  type SettingScope,
  selectSettings,
  upsertSetting,
} from "./settings.sql.ts";

/** Values that the environment or the configuration file fixes for the whole installation. */
export type FixedSettings = Partial<
  Record<SettingKey, { value: unknown; source: "environment variable" | "file" }>
>;

export type Settings = ReturnType<typeof createSettings>;

type Layers = { tenantId?: string; environmentId?: string };

const applicationKey = /^app\.[a-z][A-Za-z0-9.]{0,95}$/;
const longestValue = 16_384;

/**
 * Settings in layers [REG-6, REG-7, CUS-1]: default, file, environment variable for the installation; platform, the
 * tenants above, tenant and environment in the registry. The nearest layer wins, but one that file or environment fixes can't be changed above
 * the tenant: an operator who set MAX_TENANTS finds it as set.
 */
export function createSettings(fixed: FixedSettings) {
  async function list(db: Db | Tx, layers: Layers = {}): Promise<SettingReply[]> {
    const values = new Map<string, SettingReply>();
    for (const [key, definition] of Object.entries(settingDefinitions) as [SettingKey, SettingDefinition][]) {
      const set = fixed[key];
      const { description } = definition;
      const value = set?.value ?? definition.default;
      const source = set?.source ?? "default";
      values.set(key, { key, value, source, description });
    }
    const { tenantId, ...rest } = layers;
    const above = (tenantId && (await ancestorsOf(db, [tenantId])).get(tenantId)) || [];
    // The topmost tenant's count least.
    const tenantIds = [
      ...above.map(({ ancestorId }) => ancestorId).reverse(),
      ...(tenantId ? [tenantId] : []),
    ];
    for (const { key, value, scope, scopeId } of await selectSettings(db, { ...rest, tenantIds })) {
      if (scope === "platform" && key in fixed) continue;
      const description = values.get(key)?.description ?? null;
      const giver = above.find(({ ancestorId }) => scope === "tenant" && ancestorId === scopeId);
      const source = giver ? { source: "parent" as const, from: giver.slug } : { source: scope };
      values.set(key, { key, value, ...source, description });
    }
    return [...values.values()].sort((a, b) => a.key.localeCompare(b.key));
  }

  return {
    /** Every effective setting of a layer, with where it comes from. */
    list,

    /** One effective setting. */
    async get<Value>(db: Db | Tx, key: SettingKey, layers: Layers = {}): Promise<Value> {
      const all = await list(db, layers);
      return all.find((setting) => setting.key === key)!.value as Value;
    },

    /** What applications may see of many environments' effective settings, by the environments' UUIDs. */
    forApplications: (db: Db | Tx, many: SettingsOfMany) => settingsForApplications(db, fixed, many),

    /** Sets a tenant's values where it has none: all of them, or none when one is refused. Repeatable. */
    async addMissing(
      tx: Tx,
      tenantId: string,
      values: Record<string, unknown>,
      changedBy: string,
    ): Promise<void> {
      for (const [key, value] of checkSettings("tenant", values, fixed, ""))
        await insertSetting(tx, { scope: "tenant", scopeId: tenantId, key, value }, changedBy);
    },

    /** Sets (or, by null, takes away) values of one layer: all of them, or none when one is refused. */
    async change(
      tx: Tx,
      layer: { scope: SettingScope; scopeId?: string },
      values: Record<string, unknown>,
      options: { changedBy: string; pointer?: string },
    ): Promise<void> {
      const checked = checkSettings(layer.scope, values, fixed, options.pointer ?? "");
      for (const [key, value] of checked) {
        const row = { scope: layer.scope, scopeId: layer.scopeId ?? "", key };
        if (value === null) await deleteSetting(tx, row);
        else await upsertSetting(tx, { ...row, value }, options.changedBy);
      }
    },
  };
}

/** The values that may be set in a layer; throws one `invalid_request` that names every one that may not. */
export function checkSettings(
  scope: SettingScope,
  values: Record<string, unknown>,
  fixed: FixedSettings,
  pointer: string,
): [string, unknown][] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(values)) {
    const message = refusal(scope, key, value, fixed);
    if (message) errors.push({ pointer: `${pointer}/${key.slice(0, 100)}`, message });
  }
  if (errors.length > 0) throw failure("invalid_request", { detail: errors[0]!.message, errors });
  return Object.entries(values);
}

function refusal(scope: SettingScope, key: string, value: unknown, fixed: FixedSettings): string | undefined {
  if (JSON.stringify(value).length > longestValue)
    return `A setting has at most ${longestValue} characters of JSON.`;
  if (applicationKey.test(key)) return undefined;
  if (!Object.hasOwn(settingDefinitions, key)) {
    return `There is no such setting; an application's own begin with "app.".`;
  }
  const definition: SettingDefinition = settingDefinitions[key as SettingKey];
  const set = fixed[key as SettingKey];
  if (scope === "platform" && set) {
    return `"${key}" is fixed by the ${set.source}${set.source === "file" ? "" : ` ${definition.variable}`}; change it there.`;
  }
  if (scope !== "platform" && !definition.scopes.includes("tenant"))
    return `"${key}" is set for the whole installation only.`;
  if (value === null) return undefined;
  const parsed = definition.schema.safeParse(value, { error: wordingOfMistakes });
  return parsed.success ? undefined : `"${key}": ${parsed.error.issues[0]!.message.replace(/\.$/, "")}.`;
}
