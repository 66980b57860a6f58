import type { ClientBase } from "pg";
import type { InstallationRoles } from "../names.ts";
import { selectSentences } from "./problems.ts";
import type { SealStrategy } from "./strategy.ts";
import { entryCheckText, type SealPrint } from "./versions.ts";

/** How the database is sealed, and for which one; undefined when it isn't. */
export async function selectSealed(
  client: ClientBase,
): Promise<{ strategy: SealStrategy; databaseId: string | null } | undefined> {
  const { rows } = await client.query("select from pg_class where oid = to_regclass('tenantry.secret')");
  if (rows.length === 0) return undefined;
  const found = await client.query<{ strategy: SealStrategy; databaseId: string | null }>(
    `select case when to_regprocedure('tenantry.environment()') is null then 'parameter' else 'statement' end as strategy,
       (select database_id from tenantry.secret) as "databaseId"`,
  );
  return found.rows[0];
}

/** The seal itself: its secret, its functions, and who can get at them. */
export async function selectSealProblems(
  client: ClientBase,
  roles: InstallationRoles,
  print: SealPrint,
): Promise<string[]> {
  return selectSentences(
    client,
    `with seal as (select oid from pg_roles where rolname = $1),
       wanted as (select key as name, value as print from jsonb_each_text($2) where key <> 'entry'),
       functions as (select p.* from pg_proc p where p.pronamespace = 'tenantry'::regnamespace)
     select 'The seal has no secret.' as problem where not exists (select from tenantry.secret)
     union all select format('The function tenantry.%s is missing.', name) from wanted
       where not exists (select from functions where proname = name)
     union all select format('The function tenantry.%s isn''t the one that was installed.', proname)
       from functions f join wanted on name = proname
       where md5(f.prosrc) <> print or f.proowner is distinct from (select oid from seal)
         or case when proname = 'policies_come_first' then f.provolatile <> 'i'
           else not f.prosecdef or not coalesce(f.proconfig @> array['search_path=pg_catalog, pg_temp'], false) end
     union all select 'The domain tenantry.entry isn''t the one that was installed.' where $2::jsonb ? 'entry'
       and not exists (select from pg_type t where t.oid = to_regtype('tenantry.entry') and t.typtype = 'd'
         and t.typowner = (select oid from seal) and md5(${entryCheckText("t.oid")}) = $2::jsonb ->> 'entry')
     union all select format('%s is owned by %s.', c.oid::regclass, c.relowner::regrole) from pg_class c
       where c.relnamespace = 'tenantry'::regnamespace and c.relname in ('secret', 'reference', 'login', 'closed', 'claim')
         and c.relowner is distinct from (select oid from seal)
     union all select format('The schema tenantry is owned by %s.', nspowner::regrole) from pg_namespace
       where nspname = 'tenantry' and nspowner is distinct from (select oid from seal)
     union all select format('%s may %s %s.', coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC'), a.privilege_type, c.oid::regclass)
       from pg_class c cross join aclexplode(c.relacl) a
       where c.oid in ('tenantry.secret'::regclass, 'tenantry.login'::regclass, to_regclass('tenantry.closed')) and a.grantee is distinct from (select oid from seal)
     union all select format('%s is a member of the seal''s owner.', m.member::regrole)
       from pg_auth_members m join pg_roles r on r.oid = m.member
       where m.roleid = (select oid from seal) and not r.rolsuper and r.rolname <> current_user`,
    [roles.seal, JSON.stringify(print)],
  );
}

/** Functions in the seal's schema that nobody of us has made, or that somebody has changed: `own` may have these bodies. */
export async function selectFunctionProblems(
  client: ClientBase,
  roles: InstallationRoles,
  sealed: readonly string[],
  own: Readonly<Record<string, readonly string[]>>,
): Promise<string[]> {
  return selectSentences(
    client,
    `with own as (select o.key as name, b.body from jsonb_each($3) o cross join jsonb_array_elements_text(o.value) b (body)),
       functions as (select p.*, p.oid::regprocedure as signature from pg_proc p where p.pronamespace = 'tenantry'::regnamespace)
     select format('The function %s isn''t one of Tenantry''s.', signature) as problem from functions
       where proname <> all ($2) and proname not in (select name from own)
     union all select format('The function tenantry.%s isn''t the one that was installed.', proname) from functions f
       where proname in (select name from own) and (
         f.prosrc not in (select body from own where name = f.proname) or not f.prosecdef
         or f.proowner is distinct from (select oid from pg_roles where rolname = $1)
         or not coalesce(f.proconfig @> array['search_path=pg_catalog, pg_temp'], false))`,
    [roles.seal, sealed, JSON.stringify(own)],
  );
}
