import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type ApiKeyRow = {
  id: string;
  kind: "operator" | "app";
  appId: string | null;
  name: string;
  hint: string;
  createdAt: Date;
  lastUsedAt: Date | null;
  expiresAt: Date | null;
};

export type NewApiKeyRow = Pick<ApiKeyRow, "id" | "kind" | "appId" | "name" | "hint"> & {
  instanceId: string | null;
  keyHash: Buffer;
  /** For ever when null. */
  lifetimeSeconds: number | null;
};

const columns = sql`
  id, kind, app_id as "appId", name, hint, created_at as "createdAt", last_used_at as "lastUsedAt",
  expires_at as "expiresAt"
`;

export async function insertApiKey(tx: Tx, row: NewApiKeyRow): Promise<ApiKeyRow> {
  const { rows } = await sql<ApiKeyRow>`
    insert into api_keys (id, kind, app_id, instance_id, name, hint, key_hash, expires_at)
    values (${row.id}, ${row.kind}, ${row.appId}, ${row.instanceId}, ${row.name}, ${row.hint}, ${row.keyHash},
      now() + ${row.lifetimeSeconds}::float8 * interval '1 second')
    returning ${columns}
  `.execute(tx);
  return rows[0]!;
}

/** The key with that hash, while it is good. */
export async function selectGoodKey(db: Db, keyHash: Buffer): Promise<ApiKeyRow | undefined> {
  const { rows } = await sql<ApiKeyRow>`
    select ${columns} from api_keys
    where key_hash = ${keyHash} and revoked_at is null and (expires_at is null or expires_at > now())
  `.execute(db);
  return rows[0];
}

/** Those of the keys that are good. */
export async function selectGoodKeyIds(db: Db, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ id: string }>`
    select id from api_keys
    where id = any (${ids}::uuid[]) and revoked_at is null and (expires_at is null or expires_at > now())
  `.execute(db);
  return new Set(rows.map(({ id }) => id));
}

/** At most one write a minute for each key. */
export async function touchApiKey(db: Db, id: string): Promise<void> {
  await sql`
    update api_keys set last_used_at = now()
    where id = ${id} and (last_used_at is null or last_used_at < now() - interval '1 minute')
  `.execute(db);
}

/** Newest first (ids sort by when they were made), after `before` when given; revoked ones are left out. */
export async function selectApiKeys(db: Db, page: { limit: number; before?: string }): Promise<ApiKeyRow[]> {
  const { rows } = await sql<ApiKeyRow>`
    select ${columns} from api_keys
    where revoked_at is null and (${page.before ?? null}::uuid is null or id < ${page.before ?? null})
    order by id desc
    limit ${page.limit}
  `.execute(db);
  return rows;
}

/** Whether there was a key to revoke. */
export async function revokeApiKey(tx: Tx, id: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update api_keys set revoked_at = now() where id = ${id} and revoked_at is null
  `.execute(tx);
  return numAffectedRows === 1n;
}

/** The operator's keys that are good, locked: whoever revokes one after another can't revoke the last two at once. */
export async function lockOperatorKeys(tx: Tx): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from api_keys
    where kind = 'operator' and revoked_at is null and (expires_at is null or expires_at > now())
    order by id for update
  `.execute(tx);
  return rows.map(({ id }) => id);
}
