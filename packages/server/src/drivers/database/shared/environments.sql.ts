import pg from "pg";
import type { InstallationRoles } from "../common/names.ts";
import type { Session } from "../common/session.ts";

const id = pg.escapeIdentifier;

/** What an environment begins with; undefined when it has it already. */
export async function selectSeeds(
  inside: Session,
  environmentId: string,
): Promise<{ path: string; statements: string[] } | undefined> {
  const [row] = await inside.read<{ path: string; statements: string[] }>(
    `select coalesce((select string_agg(distinct quote_ident(n.nspname), ', ') || ', ' from pg_extension e
         join pg_namespace n on n.oid = e.extnamespace where n.nspname not in ('public', 'pg_catalog')), '') || 'public' as path,
       array(select statement from tenantry.seed order by ordinal) as statements
     where not exists (select from tenantry.admitted where environment = $1)`,
    [environmentId],
  );
  return row;
}

export async function insertAdmitted(
  inside: Session,
  environmentId: string,
  roles: InstallationRoles,
): Promise<void> {
  await inside.change(`set local role ${id(roles.seal)}`);
  await inside.change("insert into tenantry.admitted values ($1)", [environmentId]);
}

/** Tables with environments' rows; of a partitioned one its partitions, where the rows lie. */
export async function selectTables(inside: Session): Promise<string[]> {
  const rows = await inside.read<{ name: string }>(
    `select c.oid::regclass::text as name from pg_attribute a join pg_class c on c.oid = a.attrelid
     where a.attname = 'tenantry_environment' and not a.attisdropped and c.relkind = 'r'
       and c.relnamespace <> 'tenantry'::regnamespace
     order by c.oid desc`,
  );
  return rows.map((row) => row.name);
}

/** A superuser needn't have each row's triggers fired and its references looked up: all of them go. */
export async function withoutTriggers(inside: Session): Promise<void> {
  if (inside.superuser) await inside.change("set session_replication_role = replica");
}

export async function deleteBatch(
  inside: Session,
  table: string,
  environmentId: string,
  size: number,
): Promise<number> {
  return inside.change(
    `delete from ${table} where ctid = any (array(
       select ctid from ${table} where tenantry_environment = $1 limit ${size}))`,
    [environmentId],
  );
}

export async function hasRows(inside: Session, table: string, environmentId: string): Promise<boolean> {
  const [row] = await inside.read<{ found: boolean }>(
    `select exists (select from ${table} where tenantry_environment = $1) as found`,
    [environmentId],
  );
  return row!.found;
}

/** The last traces: its numbers, and that it was here. */
export async function forgetEnvironment(
  inside: Session,
  environmentId: string,
  roles: InstallationRoles,
): Promise<void> {
  await inside.change(`set local role ${id(roles.seal)}`);
  await inside.change("delete from tenantry.count where environment = $1", [environmentId]);
  await inside.change("delete from tenantry.admitted where environment = $1", [environmentId]);
}
