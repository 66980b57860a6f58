import pg from "pg";
import type { InstallationRoles } from "./names.ts";
import { terminateRole } from "./roles.sql.ts";
import type { Session } from "./session.ts";

const id = pg.escapeIdentifier;
const text = pg.escapeLiteral;

/** What a session begins with. A program may ask for more: these end what was forgotten. */
const sessionDefaults = {
  statement_timeout: "10min",
  idle_in_transaction_session_timeout: "5min",
};

/** A login that can't log in yet, or what is there made so again: closed, with another password, without settings. */
export async function createClosedLogin(
  session: Session,
  login: { name: string; verifier: string; connectionLimit: number; database: string },
): Promise<void> {
  const name = id(login.name);
  await session.change(`
    do $$ begin
      if not exists (select from pg_roles where rolname = ${text(login.name)}) then
        create role ${name} nologin;
      end if;
    end $$;
    alter role ${name} nologin inherit connection limit ${login.connectionLimit} password ${text(login.verifier)}
      valid until 'infinity';
    alter role ${name} reset all;
    alter role ${name} in database ${id(login.database)} reset all`);
}

/** A role changes its settings for all databases itself; those for one go before them, and come with each session. */
export async function setSessionDefaults(
  session: Session,
  login: { name: string; database: string },
  more: Record<string, string> = {},
): Promise<void> {
  const begin = `alter role ${id(login.name)} in database ${id(login.database)} set`;
  await session.change(
    Object.entries({ ...sessionDefaults, ...more })
      .map(([setting, value]) => `${begin} ${setting} = ${value.startsWith('"') ? value : text(value)}`)
      .join(";\n"),
  );
}

/**
 * Takes back what the sessions of a role that has no such settings were made to begin with, which any role may do for
 * itself, and ends those that began so. Repeatable; nothing happens where there is nothing.
 */
export async function forgetSessionDefaults(session: Session, role: string): Promise<void> {
  const databases = await session.read<{ name: string | null }>(
    `select d.datname::text as name from pg_db_role_setting s join pg_roles r on r.oid = s.setrole
       left join pg_database d on d.oid = s.setdatabase where r.rolname = $1`,
    [role],
  );
  if (databases.length === 0) return;
  for (const { name } of databases) {
    await session.change(
      `alter role ${id(role)} ${name === null ? "" : `in database ${id(name)}`} reset all`,
    );
  }
  await terminateRole(session, role);
}

export async function openLogin(session: Session, name: string, until: Date | undefined): Promise<void> {
  const end = until?.toISOString() ?? "infinity";
  await session.change(`alter role ${id(name)} login valid until ${text(end)}`);
}

/** Logins that may connect to a database: by a right of their own, or as members of those who share it. */
export async function selectLogins(session: Session, database: string, sharers: string): Promise<string[]> {
  const rows = await session.read<{ name: string }>(
    `select r.rolname::text as name from pg_database d
       cross join lateral aclexplode(d.datacl) a join pg_roles r on r.oid = a.grantee
       where d.datname = $1 and r.rolname ~ '^tnl_'
     union
     select m.rolname::text from pg_auth_members a join pg_roles g on g.oid = a.roleid join pg_roles m on m.oid = a.member
       where g.rolname = $2 and m.rolname ~ '^tnl_'`,
    [database, sharers],
  );
  return rows.map((row) => row.name);
}

/** The databases that a login may connect to, and the groups by which. */
export async function selectPlacesOfLogin(
  session: Session,
  login: string,
): Promise<{ databases: string[]; groups: string[] }> {
  const [row] = await session.read<{ databases: string[]; groups: string[] }>(
    `select array(select d.datname::text from pg_database d cross join lateral aclexplode(d.datacl) a
         join pg_roles r on r.oid = a.grantee where r.rolname = $1) as databases,
       array(select g.rolname::text from pg_auth_members a join pg_roles g on g.oid = a.roleid
         join pg_roles m on m.oid = a.member where m.rolname = $1) as groups`,
    [login],
  );
  return row!;
}

/** Logins with rights in a schema. */
export async function selectSchemaLogins(inside: Session, schema: string): Promise<string[]> {
  const rows = await inside.read<{ name: string }>(
    `select distinct r.rolname::text as name from pg_namespace n
       cross join lateral aclexplode(n.nspacl) a join pg_roles r on r.oid = a.grantee
     where n.nspname = $1 and r.rolname ~ '^tnl_'`,
    [schema],
  );
  return rows.map((row) => row.name);
}

/** The rights of the environment's own login, in the same schema, on what is there and on what will be. */
export async function grantSchema(
  inside: Session,
  place: { schema: string; owner: string },
  login: string,
): Promise<void> {
  const [schema, name] = [id(place.schema), id(login)];
  const defaults = `alter default privileges for role ${id(place.owner)}`;
  await inside.change(`
    grant usage on schema ${schema} to ${name};
    grant select, insert, update, delete on all tables in schema ${schema} to ${name};
    grant select, usage, update on all sequences in schema ${schema} to ${name};
    grant execute on all routines in schema ${schema} to ${name};
    ${defaults} grant select, insert, update, delete on tables to ${name};
    ${defaults} grant select, usage, update on sequences to ${name};
    ${defaults} grant execute on routines to ${name}`);
}

/** Says whose rows a login is for, in the database that environments share. */
export async function upsertLogin(
  inside: Session,
  login: { name: string; environmentId: string },
  roles: InstallationRoles,
): Promise<void> {
  await inside.change(`
    set role ${id(roles.seal)};
    insert into tenantry.login values (${text(login.name)}, ${text(login.environmentId)})
      on conflict (role) do update set environment = excluded.environment;
    reset role`);
}

export async function deleteLogin(inside: Session, name: string, roles: InstallationRoles): Promise<void> {
  await inside.change(`
    set role ${id(roles.seal)};
    delete from tenantry.login where role = ${text(name)};
    reset role`);
}

/** The logins of one environment of a database that it shares. */
export async function selectEnvironmentLogins(inside: Session, environmentId: string): Promise<string[]> {
  const rows = await inside.read<{ name: string }>(
    "select role::text as name from tenantry.login where environment = $1",
    [environmentId],
  );
  return rows.map((row) => row.name);
}
