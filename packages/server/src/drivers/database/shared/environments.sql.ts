import pg from "pg";
import { type InstallationRoles, ledgerSchema } from "../common/names.ts";
import { type SealExpressions, sealExpressions } from "../common/seal/index.ts";
import { selectSealed } from "../common/seal/verify-seal.sql.ts";
import type { Session } from "../common/session.ts";

const id = pg.escapeIdentifier;

/** What an environment begins with, and whether it has it already. */
export async function selectBeginning(
  inside: Session,
  environmentId: string,
): Promise<{ admitted: boolean; path: string; seeds: string[] }> {
  const [row] = await inside.read<{ admitted: boolean; path: string; seeds: string[] }>(
    `select exists (select from tenantry.admitted where environment = $1) as admitted,
       coalesce((select string_agg(distinct quote_ident(n.nspname), ', ') || ', ' from pg_extension e
         join pg_namespace n on n.oid = e.extnamespace where n.nspname not in ('public', 'pg_catalog')), '') || 'public' as path,
       array(select statement from tenantry.seed order by ordinal) as seeds`,
    [environmentId],
  );
  return row!;
}

/**
 * Notes that the environment of whoever calls it has its first rows, in the transaction that brings them. It is for logins
 * of one environment alone. No migration is under way from the call to the transaction's end.
 */
export async function createAdmission(inside: Session, roles: InstallationRoles): Promise<void> {
  const [made] = await inside.read("select from pg_proc where oid = to_regprocedure('tenantry.admit()')");
  if (made) return;
  const sealed = await inside.inspect((client) => selectSealed(client));
  // Two environments may come first at once: PostgreSQL takes no two changes of one thing at a time.
  await inside.change(`
    lock table ${ledgerSchema}.migrations in share update exclusive mode;
    grant usage on schema ${ledgerSchema} to ${id(roles.seal)};
    grant select, update on ${ledgerSchema}.migrations to ${id(roles.seal)};
    set role ${id(roles.seal)};
    ${admission(sealExpressions(sealed!.strategy))};
    reset role`);
}

const admission = (expressions: SealExpressions): string => `
  create or replace function tenantry.admit() returns boolean language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp as $$${admissionBody(expressions)}$$`;

export const admissionBody = ({ policyExpression }: SealExpressions): string => `
  begin
    if not starts_with(session_user::text, 'tnl_') then
      raise exception using errcode = 'TN002', message = 'only a login of one environment is admitted';
    end if;
    lock table ${ledgerSchema}.migrations in row share mode;
    insert into tenantry.admitted values (${policyExpression}) on conflict do nothing;
    return found;
  end `;

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

/** Whether we may have a login's sessions begin without triggers: as a superuser, or where one has granted it to us. */
export async function maySetOffTriggers(session: Session): Promise<boolean> {
  const [row] = await session.read<{ may: boolean }>(
    "select has_parameter_privilege(current_user, 'session_replication_role', 'SET') as may",
  );
  return row!.may;
}

/** A login's sessions begin without triggers, as it couldn't have them itself. */
export async function setOffTriggers(session: Session, login: string, database: string): Promise<void> {
  await session.change(
    `alter role ${id(login)} in database ${id(database)} set session_replication_role = replica`,
  );
}

export async function deleteBatch(
  client: pg.Client,
  table: string,
  environmentId: string,
  size: number,
): Promise<number> {
  const { rowCount } = await client.query(
    `delete from ${table} where ctid = any (array(
       select ctid from ${table} where tenantry_environment = $1 limit ${size}))`,
    [environmentId],
  );
  return rowCount!;
}

export async function hasRows(client: pg.Client, table: string, environmentId: string): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `select exists (select from ${table} where tenantry_environment = $1) as found`,
    [environmentId],
  );
  return rows[0]!.found;
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
