import type { ClientBase } from "pg";
import type { InstallationRoles } from "../names.ts";
import { selectSentences, systemSchemas } from "./problems.ts";
import { sharedReach } from "./revoke.sql.ts";
import { trustedParameter } from "./strategy.ts";

/** Logins that policies don't bind, or that can become somebody whom they don't. */
export async function selectRoleProblems(
  client: ClientBase,
  roles: InstallationRoles,
  sharers: string,
): Promise<string[]> {
  return selectSentences(
    client,
    `with logins as (
       select r.* from pg_roles r
       where r.rolcanlogin and r.rolname <> current_user and has_database_privilege(r.oid, (select oid from pg_database where datname = current_database()), 'connect')
         and exists (select from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid and g.rolname = $1)
     )
     select format('The role %s is a superuser: no policy binds it.', rolname) as problem from logins where rolsuper
     union all select format('The role %s may pass row-level security.', rolname) from logins where rolbypassrls
     union all select format('The role %s may make roles.', rolname) from logins where rolcreaterole
     union all select format('The role %s may replicate the whole server.', rolname) from logins where rolreplication
     union all select format('The role %s can become %s.', l.rolname, g.rolname) from logins l join pg_roles g
         on g.rolname not in ($1, $3) and g.oid <> l.oid and not l.rolsuper and pg_has_role(l.oid, g.oid, 'member')
     union all select format('The login %s has no environment.', rolname) from logins
       where rolname ~ '^tnl_' and not exists (select from tenantry.login where role = rolname)
     union all select format('The role %s may pass row-level security.', rolname) from pg_roles
       where rolname = any ($2) and (rolsuper or rolbypassrls)
     union all select format('The settings of %s begin sessions with %s.',
         coalesce((select rolname from pg_roles where oid = s.setrole), 'the database'), setting)
       from pg_db_role_setting s cross join unnest(s.setconfig) setting
       where setting ~ '^(${trustedParameter}|row_security|session_replication_role|tenantry\\.)'
         and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
         and (s.setrole = 0 or s.setrole in (select oid from logins))
         -- A login may set this one itself. It ends in errors, and must not close the database to everybody.
         -- Without triggers it is emptied, which lets nobody out of his rows.
         and not (setting ~ '^(row_security|session_replication_role)' and s.setrole in (select oid from logins where rolname ~ '^tnl_'))
         and not exists (select from tenantry.login l join pg_roles r on r.rolname = l.role
           where r.oid = s.setrole and s.setdatabase <> 0
             -- Earlier versions wrote it with underscores.
             and setting in ('${trustedParameter}=' || replace(l.environment::text, '-', ''),
               '${trustedParameter}=' || translate(l.environment::text, '-', '_')))
     union all select format('%s may set ${trustedParameter}.', coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC'))
       from pg_parameter_acl p cross join aclexplode(p.paracl)
       where p.parname = '${trustedParameter}' and privilege_type = 'SET' and (grantee = 0
         or exists (select from logins l where not l.rolsuper and pg_has_role(l.oid, grantee, 'member')))`,
    [roles.data, [roles.data, roles.seal], sharers],
  );
}

/** Rights beyond reading and writing rows. Functions of the catalog count where a superuser could have taken them. */
export async function selectRightsProblems(client: ClientBase, roles: InstallationRoles): Promise<string[]> {
  return selectSentences(
    client,
    `with bound as (
       select 0::oid as oid, 'PUBLIC' as name union all select oid, rolname from pg_roles where rolname = $1
       union all select m.member, r.rolname from pg_auth_members m join pg_roles g on g.oid = m.roleid
         join pg_roles r on r.oid = m.member where g.rolname = $1 and not r.rolsuper and r.rolname <> current_user
     ), rights as (
       select 'table ' || c.oid::regclass as thing, a.grantee, a.privilege_type as right
         from pg_class c cross join aclexplode(c.relacl) a
         where c.relkind in ('r', 'p', 'v') and c.relnamespace::regnamespace::text not in ${systemSchemas}
           and a.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
       union all select 'sequence ' || c.oid::regclass, a.grantee, a.privilege_type
         from pg_class c cross join aclexplode(c.relacl) a
         where c.relkind = 'S' and c.relnamespace::regnamespace::text not in ${systemSchemas}
       union all select 'schema ' || n.nspname, a.grantee, 'CREATE'
         from pg_namespace n cross join aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
         where a.privilege_type = 'CREATE' and a.grantee <> n.nspowner
       union all select 'database', a.grantee, a.privilege_type
         from pg_database d cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
         where d.datname = current_database() and a.privilege_type in ('CREATE', 'TEMPORARY') and a.grantee <> d.datdba
       union all select 'function ' || p.oid::regprocedure, a.grantee, a.privilege_type
         from pg_proc p cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
         where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ '${sharedReach}' and a.grantee <> p.proowner
           and (select rolsuper from pg_roles where rolname = current_user)
       union all select 'language ' || l.lanname, a.grantee, a.privilege_type
         from pg_language l cross join aclexplode(coalesce(l.lanacl, acldefault('l', l.lanowner))) a
         where lanpltrusted and lanname not in ('sql', 'internal') and a.grantee <> l.lanowner
           and (select rolsuper from pg_roles where rolname = current_user)
     )
     select format('%s may %s on the %s.', bound.name, rights.right, rights.thing) as problem
     from rights join bound on bound.oid = rights.grantee`,
    [roles.data],
  );
}
