import type { ClientBase } from "pg";
import type { PhysicalDatabase, PhysicalName } from "../driver.ts";
import { type InstallationRoles, sharersName } from "./names.ts";

/** Bytes on disk; 0 when the database isn't there. */
export async function selectSize(client: ClientBase, name: string): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(
    "select pg_database_size(oid)::text as bytes from pg_database where datname = $1",
    [name],
  );
  return Number(rows[0]?.bytes ?? 0);
}

/** Databases that the installation's role owns, and logins that are members of its roles. */
export async function selectOurNames(client: ClientBase, roles: InstallationRoles): Promise<PhysicalName[]> {
  const { rows } = await client.query<PhysicalName>(
    `select 'database' as kind, d.datname as name
     from pg_database d join pg_roles o on o.oid = d.datdba where o.rolname = $1
     union
     select 'role', m.rolname
     from pg_auth_members a join pg_roles g on g.oid = a.roleid join pg_roles m on m.oid = a.member
     where g.rolname = any ($2) and (m.rolcanlogin and m.rolname ~ '^tn[mr]' or m.rolname ~ '^tnl_')
     union
     select 'role', g.rolname from pg_roles g join pg_database d on d.datname = regexp_replace(g.rolname, '^tng_', 'tn_')
       join pg_roles o on o.oid = d.datdba where g.rolname ~ '^tng_' and o.rolname = $1
     order by kind, name`,
    [roles.databases, [roles.data, roles.ledger]],
  );
  return rows;
}

/** Each row of the query is one thing that would let an environment out of its database, or others in. */
export async function selectProblems(
  client: ClientBase,
  database: PhysicalDatabase,
  roles: InstallationRoles,
): Promise<string[]> {
  const { rows } = await client.query<{ problem: string }>(
    `with d as (select * from pg_database where datname = $1),
       r as (select * from pg_roles where rolname = $2),
       rights as (
         select coalesce(grantee.rolname, 'PUBLIC') as grantee, a.privilege_type
         from d cross join lateral aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
         left join pg_roles grantee on grantee.oid = a.grantee
         where a.grantee <> d.datdba
       ),
       -- Given out for programs of others; what a login may see of a shared database is its seal's to say.
       logins as (
         select l.* from pg_roles l where l.rolname ~ '^tnl_' and (
           exists (select from rights where grantee = l.rolname)
           or exists (select from pg_auth_members m join pg_roles g on g.oid = m.roleid
             where m.member = l.oid and g.rolname = $5))
       )
     select 'The database ' || $1 || ' isn''t there.' as problem where not exists (select from d)
     union all select 'The role ' || $2 || ' isn''t there.' where not exists (select from r)
     union all select 'The database takes no connections.' from d where not datallowconn
     union all select 'The database belongs to ' || pg_get_userbyid(datdba) || '.' from d
       where pg_get_userbyid(datdba) <> $3
     union all select grantee || ' may ' || privilege_type || ' on the database.' from rights
       where (grantee, privilege_type) is distinct from ($2, 'CONNECT')
         and not (privilege_type = 'CONNECT' and (grantee = $5 or grantee in (select rolname from logins)))
     union all select 'The role may not connect to its database.' from d, r
       where not has_database_privilege(r.oid, d.oid, 'connect')
     union all select 'The role has rights beyond its database: it is a superuser, or may make databases or roles, or '
       || 'replicate, or pass row-level security.' from r
       where rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls
     union all select 'The login ' || rolname || ' has rights beyond its database, or no limit of connections.' from logins
       where rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls or rolconnlimit < 0
     union all select 'The login ' || l.rolname || ' is a member of ' || g.rolname || '.' from logins l
       join pg_auth_members m on m.member = l.oid join pg_roles g on g.oid = m.roleid where g.rolname not in ($4, $5)
     union all select 'The role can''t log in.' from r where not rolcanlogin
     union all select 'The role has no limit of connections.' from r where rolconnlimit < 0
     union all select 'The role is a member of ' || g.rolname || '.' from r
       join pg_auth_members m on m.member = r.oid join pg_roles g on g.oid = m.roleid where g.rolname <> $4
     union all select 'The role isn''t a member of ' || $4 || '.' from r
       where not exists (select from pg_auth_members m join pg_roles g on g.oid = m.roleid
         where m.member = r.oid and g.rolname = $4)`,
    [database.name, database.roleName, roles.databases, roles.data, sharersName(database.name)],
  );
  return rows.map((row) => row.problem);
}
