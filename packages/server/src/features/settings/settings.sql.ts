import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type SettingScope = "platform" | "plan" | "tenant" | "environment";
export type SettingRow = { scope: SettingScope; scopeId: string; key: string; value: unknown };

/** The rows of the platform and of the layers named, lowest layer first; tenants in the order given. */
export async function selectSettings(
  db: Db | Tx,
  layers: { tenantIds?: readonly string[]; environmentId?: string } = {},
): Promise<SettingRow[]> {
  const { rows } = await sql<SettingRow>`
    select scope, scope_id as "scopeId", key, value from settings
    where scope = 'platform'
      or (scope = 'tenant' and scope_id = any (${layers.tenantIds ?? []}::text[]))
      or (scope = 'environment' and scope_id = ${layers.environmentId ?? null})
    order by array_position(array['platform', 'plan', 'tenant', 'environment'], scope),
      array_position(${layers.tenantIds ?? []}::text[], scope_id), key
  `.execute(db);
  return rows;
}

/** The rows of the platform, and of every tenant and environment named, lowest layer first. */
export async function selectSettingsOfMany(
  db: Db | Tx,
  scopeIds: { tenantIds: readonly string[]; environmentIds: readonly string[] },
): Promise<SettingRow[]> {
  const { rows } = await sql<SettingRow>`
    select scope, scope_id as "scopeId", key, value from settings
    where scope = 'platform'
      or (scope = 'tenant' and scope_id = any (${scopeIds.tenantIds}::text[]))
      or (scope = 'environment' and scope_id = any (${scopeIds.environmentIds}::text[]))
    order by array_position(array['platform', 'plan', 'tenant', 'environment'], scope), key
  `.execute(db);
  return rows;
}

export async function upsertSetting(tx: Tx, row: SettingRow, updatedBy: string): Promise<void> {
  await sql`
    insert into settings (scope, scope_id, key, value, updated_by)
    values (${row.scope}, ${row.scopeId}, ${row.key}, ${JSON.stringify(row.value)}::jsonb, ${updatedBy})
    on conflict (scope, scope_id, key) do update
      set value = excluded.value, updated_by = excluded.updated_by, updated_at = now()
  `.execute(tx);
}

/** Leaves a value that is there as it is. */
export async function insertSetting(tx: Tx, row: SettingRow, updatedBy: string): Promise<void> {
  await sql`
    insert into settings (scope, scope_id, key, value, updated_by)
    values (${row.scope}, ${row.scopeId}, ${row.key}, ${JSON.stringify(row.value)}::jsonb, ${updatedBy})
    on conflict (scope, scope_id, key) do nothing
  `.execute(tx);
}

/** Takes away a tenant's values that somebody set, and nobody changed since. */
export async function deleteSettingsBy(tx: Tx, tenantId: string, updatedBy: string): Promise<void> {
  await sql`
    delete from settings where scope = 'tenant' and scope_id = ${tenantId} and updated_by = ${updatedBy}
  `.execute(tx);
}

export async function deleteSetting(tx: Tx, row: Omit<SettingRow, "value">): Promise<void> {
  await sql`
    delete from settings where scope = ${row.scope} and scope_id = ${row.scopeId} and key = ${row.key}
  `.execute(tx);
}

/** Gives a layer, which has none yet, the settings of another of its kind. */
export async function copySettings(
  tx: Tx,
  layer: { scope: "tenant" | "environment"; from: string; to: string },
  updatedBy: string,
): Promise<void> {
  await sql`
    insert into settings (scope, scope_id, key, value, updated_by)
    select scope, ${layer.to}, key, value, ${updatedBy} from settings
    where scope = ${layer.scope} and scope_id = ${layer.from}
  `.execute(tx);
}

export async function deleteSettingsOf(tx: Tx, scopeIds: readonly string[]): Promise<void> {
  await sql`
    delete from settings where scope in ('tenant', 'environment') and scope_id = any (${scopeIds}::text[])
  `.execute(tx);
}
