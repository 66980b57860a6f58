import type { ClientBase } from "pg";
import { extensionSchema, type InstallationRoles, partsOfPlace, rolesOfSchema } from "../common/names.ts";
import type { PhysicalDatabase, PhysicalName } from "../driver.ts";

/** Bytes on disk of everything in a schema. */
export async function selectSchemaSize(client: ClientBase, schema: string): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(
    `select coalesce(sum(pg_total_relation_size(c.oid)), 0)::text as bytes
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'm', 'S')`,
    [schema],
  );
  return Number(rows[0]!.bytes);
}

/** Logins and owners that are members of a container's role. */
export async function selectSchemaRoles(
  client: ClientBase,
  containers: readonly string[],
): Promise<PhysicalName[]> {
  const { rows } = await client.query<PhysicalName>(
    `select distinct 'role' as kind, m.rolname::text as name
     from pg_auth_members a join pg_roles g on g.oid = a.roleid join pg_roles m on m.oid = a.member
     where g.rolname = any ($1) and m.rolname ~ '^tn[roml]_' order by name`,
    [containers],
  );
  return rows;
}

export async function selectSchemaNames(client: ClientBase, container: string): Promise<PhysicalName[]> {
  const { rows } = await client.query<PhysicalName>(
    `select 'database' as kind, $1 || '.' || nspname as name from pg_namespace where nspname ~ '^tns_' order by nspname`,
    [container],
  );
  return rows;
}

/** The containers of this installation on the server. */
export async function selectContainerNames(client: ClientBase, roles: InstallationRoles): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select d.datname::text as name from pg_database d join pg_roles o on o.oid = d.datdba
     where o.rolname = $1 and d.datname ~ '^tnc_' and d.datallowconn order by 1`,
    [roles.databases],
  );
  return rows.map((row) => row.name);
}

/** What is wrong with the roles of a schema, as seen from anywhere on the server. */
export async function selectRoleProblems(client: ClientBase, database: PhysicalDatabase): Promise<string[]> {
  const { container, schema } = partsOfPlace(database.name);
  const { rows } = await client.query<{ problem: string }>(
    `with d as (select * from pg_database where datname = $1), r as (select * from pg_roles where rolname = $2)
     select 'The role ' || $2 || ' isn''t there.' as problem where not exists (select from r)
     union all select 'The role ' || $4 || ' isn''t there.' where not exists (select from pg_roles where rolname = $4)
     union all select 'PUBLIC may ' || a.privilege_type || ' on the database.' from d
       cross join lateral aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a where a.grantee = 0
     union all select 'The role may not connect to its database.' from d, r
       where not has_database_privilege(r.oid, d.oid, 'connect')
     union all select 'The role may make schemas or temporary tables.' from d, r
       where has_database_privilege(r.oid, d.oid, 'create') or has_database_privilege(r.oid, d.oid, 'temporary')
     union all select 'The role has rights beyond its schema: it is a superuser, or may make databases or roles, or '
       || 'replicate, or pass row-level security.' from r
       where rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls
     union all select 'The role can''t log in.' from r where not rolcanlogin
     union all select 'The role has no limit of connections.' from r where rolconnlimit < 0
     union all select 'The role is a member of ' || g.rolname || '.' from r
       join pg_auth_members m on m.member = r.oid join pg_roles g on g.oid = m.roleid where g.rolname <> $1
     union all select 'The role doesn''t look for names in its schema.' from d, r
       where not exists (select from pg_db_role_setting s, unnest(s.setconfig) c
         where s.setdatabase = d.oid and s.setrole = r.oid and c ~ ('^search_path="?' || $3 || '"?, "?${extensionSchema}"?$'))`,
    [container, database.roleName, schema, rolesOfSchema(schema).owner],
  );
  return rows.map((row) => row.problem);
}

/** What is wrong within the container: rights in other schemas, or too many or too few in the own one. */
export async function selectSchemaProblems(
  client: ClientBase,
  database: PhysicalDatabase,
): Promise<string[]> {
  const { container, schema } = partsOfPlace(database.name);
  const { rows } = await client.query<{ problem: string }>(
    `with s as (select * from pg_namespace where nspname = $1), r as (select * from pg_roles where rolname = $2),
       logins as (select distinct l.* from s cross join lateral aclexplode(s.nspacl) a join pg_roles l on l.oid = a.grantee
         where l.rolname ~ '^tnl_')
     select 'The login ' || l.rolname || ' may use or change the schema ' || n.nspname || '.' as problem
       from logins l, pg_namespace n where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', '${extensionSchema}')
         and (has_schema_privilege(l.oid, n.oid, 'create') or n.nspname <> $1 and has_schema_privilege(l.oid, n.oid, 'usage'))
     union all select 'The login ' || l.rolname || ' is a member of ' || g.rolname || '.' from logins l
       join pg_auth_members m on m.member = l.oid join pg_roles g on g.oid = m.roleid where g.rolname <> $4
     union all select 'The login ' || rolname || ' has rights beyond its schema, or no limit of connections.' from logins
       where rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls or rolconnlimit < 0
     union all select 'The schema belongs to ' || pg_get_userbyid(nspowner) || '.' from s
       where pg_get_userbyid(nspowner) <> $3
     union all select 'The role may not use its schema.' from s, r
       where not has_schema_privilege(r.oid, s.oid, 'usage')
     union all select 'The role may make things in the schema ' || n.nspname || '.' from r, pg_namespace n
       where n.nspname !~ '^pg_' and has_schema_privilege(r.oid, n.oid, 'create')
     union all select 'The role may use the schema ' || n.nspname || '.' from r, pg_namespace n
       where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', '${extensionSchema}', $1)
         and has_schema_privilege(r.oid, n.oid, 'usage')
     union all select c.relname || ' belongs to ' || pg_get_userbyid(c.relowner) || '.'
       from pg_class c join s on s.oid = c.relnamespace where pg_get_userbyid(c.relowner) <> $3
     union all select 'The role may truncate or change ' || c.relname || '.'
       from r, pg_class c join s on s.oid = c.relnamespace
       where c.relkind in ('r', 'p') and has_table_privilege(r.oid, c.oid, 'truncate, references, trigger')
     union all select 'The role may not read and write ' || c.relname || '.'
       from r, pg_class c join s on s.oid = c.relnamespace
       where c.relkind in ('r', 'p') and not (has_table_privilege(r.oid, c.oid, 'select')
         and has_table_privilege(r.oid, c.oid, 'insert') and has_table_privilege(r.oid, c.oid, 'update')
         and has_table_privilege(r.oid, c.oid, 'delete'))`,
    [schema, database.roleName, rolesOfSchema(schema).owner, container],
  );
  return rows.map((row) => row.problem);
}
