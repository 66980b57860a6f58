import { type Db, sql, type Tx } from "../infra/db/index.ts";

/** All that a gateway reads. */
const readable = [
  "routes",
  "upstreams",
  "gateway_settings",
  "stream_versions",
  "stream_tombstones",
  "signing_keys",
];

/** Nodes that come at the same time take turns. */
export async function lockRegistryRole(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(7236004)`.execute(tx);
}

export async function createRegistryRole(tx: Tx, name: string): Promise<void> {
  const { rows } = await sql<{ present: boolean }>`
    select exists (select from pg_roles where rolname = ${name}) as present
  `.execute(tx);
  if (!rows[0]!.present) await sql`create role ${sql.id(name)} nologin noinherit`.execute(tx);
}

/** Lets the role that logs in work as this one; a superuser may anyway. */
export async function grantRegistryRole(tx: Tx, name: string): Promise<void> {
  const { rows } = await sql<{ granted: boolean; tellsApart: boolean }>`
    select current_setting('is_superuser')::boolean as granted,
      current_setting('server_version_num')::int >= 160000 as "tellsApart"
  `.execute(tx);
  if (rows[0]!.granted) return;
  // PostgreSQL 16 began to tell inheriting a role's rights from becoming it.
  const options = rows[0]!.tellsApart ? sql`with inherit false, set true` : sql``;
  await sql`grant ${sql.id(name)} to current_user ${options}`.execute(tx);
}

export async function grantReading(tx: Tx, name: string): Promise<void> {
  const tables = sql.join(readable.map((table) => sql.id("tenantry", table)));
  await sql`grant usage on schema tenantry to ${sql.id(name)}`.execute(tx);
  await sql`grant select on ${tables} to ${sql.id(name)}`.execute(tx);
}

/** Rejects unless the connection works as that role, and may do what a gateway does. */
export async function requireReading(db: Db, name: string): Promise<void> {
  const { rows } = await sql<{ role: string }>`
    select current_user as role from stream_versions where stream = 'routes'
  `.execute(db);
  if (rows[0]?.role !== name) throw new Error(`The connection works as ${rows[0]?.role}.`);
}
