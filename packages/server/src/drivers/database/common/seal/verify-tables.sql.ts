import type { ClientBase } from "pg";
import { isLeakproof } from "../catalog/constraints.sql.ts";
import type { Session } from "../session.ts";
import { selectSentences, systemSchemas } from "./problems.ts";

const ours = (alias: string): string => `${alias}.relnamespace::regnamespace::text not in ${systemSchemas}`;

/** Relations through which rows could be reached without the policy: each partition by its own name, too. */
export async function selectRelationProblems(client: ClientBase): Promise<string[]> {
  return selectSentences(
    client,
    `with sealed as (select c.* from pg_class c where c.relkind in ('r', 'p') and ${ours("c")}),
       reference as (
         select pg_get_expr(polqual, polrelid) as using, pg_get_expr(polwithcheck, polrelid) as checking
         from pg_policy where polrelid = to_regclass('tenantry.reference')
       ),
       policies as (
         select p.polrelid, p.polname, p.polpermissive, p.polcmd = '*' and p.polroles = '{0}'
           and pg_get_expr(p.polqual, p.polrelid) = r.using
           and coalesce(pg_get_expr(p.polwithcheck, p.polrelid), r.checking) = r.checking as right
         from pg_policy p cross join reference r
       )
     select format('The table %s has no row-level security.', oid::regclass) as problem from sealed where not relrowsecurity
     union all select format('The table %s doesn''t force row-level security on its owner.', oid::regclass)
       from sealed where not relforcerowsecurity
     union all select format('The table %s lacks the policy of the seal.', oid::regclass)
       from sealed where not exists (select from policies where polrelid = sealed.oid and policies.right)
     union all select format('The policy %s of %s lets rows through that the seal''s doesn''t.', polname, polrelid::regclass)
       from policies p join sealed on sealed.oid = p.polrelid
       where p.right is not true and p.polpermissive and not exists (
         select from policies o where o.polrelid = p.polrelid and o.right and not o.polpermissive)
     union all select format('The policy %s of %s is asked before the seal''s.', polname, polrelid::regclass)
       from policies p where not p.polpermissive and exists (
         select from policies o where o.polrelid = p.polrelid and o.right and (o.polpermissive or p.polname < o.polname))
     union all select format('The view %s isn''t security_invoker.', c.oid::regclass)
       from pg_class c where c.relkind = 'v' and ${ours("c")} and not coalesce((
         select bool_or(option_value::boolean) from pg_options_to_table(c.reloptions) where option_name = 'security_invoker'), false)
     union all select format('The %s %s holds rows that no policy covers.',
         case relkind when 'm' then 'materialised view' else 'foreign table' end, c.oid::regclass)
       from pg_class c where c.relkind in ('m', 'f') and ${ours("c")}
     union all select format('The function %s runs with the rights of %s, who can do more than write rows.',
         p.oid::regprocedure, p.proowner::regrole)
       from pg_proc p join pg_roles o on o.oid = p.proowner join pg_namespace n on n.oid = p.pronamespace
       where p.prosecdef and n.nspname not in ${systemSchemas} and (
         o.rolsuper or o.rolbypassrls or o.rolcreaterole
         or exists (select from pg_class c where ${ours("c")} and pg_has_role(p.proowner, c.relowner, 'member'))
         or exists (select from pg_namespace s where has_schema_privilege(p.proowner, s.oid, 'create')))
     union all select format('The function %s claims to be leakproof.', p.oid::regprocedure)
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace
       where p.proleakproof and p.oid >= 16384 and n.nspname not in ${systemSchemas}`,
  );
}

/** Indexes in which values can be looked up before a policy is asked: others than those that begin with the hidden column. */
const spanningIndexes = `
  select i.* from pg_index i join pg_class c on c.oid = i.indrelid
  where ${ours("c")} and c.relkind in ('r', 'p') and ${isLeakproof("i")}
    and not exists (select from pg_attribute a
      where a.attrelid = i.indrelid and a.attnum = i.indkey[0] and a.attname = 'tenantry_environment')`;

/** Made before it was known what they tell; nothing but speed relies on them. */
export async function dropSpanningIndexes(inside: Session): Promise<void> {
  const found = await inside.read<{ name: string }>(
    `select i.indexrelid::regclass::text as name from (${spanningIndexes}) i join pg_class x on x.oid = i.indexrelid
     where not i.indisunique and not x.relispartition
       and not exists (select from pg_constraint k where k.conindid = i.indexrelid)`,
  );
  if (found.length > 0) await inside.change(`drop index ${found.map(({ name }) => name).join(", ")}`);
}

/** Keys that would tell one environment what another has. */
export async function selectConstraintProblems(client: ClientBase): Promise<string[]> {
  return selectSentences(
    client,
    `with hidden as (
       select a.attrelid, a.attnum, a.attnotnull and a.atttypid = 'uuid'::regtype as right
       from pg_attribute a join pg_class c on c.oid = a.attrelid
       where a.attname = 'tenantry_environment' and not a.attisdropped and c.relkind in ('r', 'p') and ${ours("c")}
     )
     select format('The column tenantry_environment of %s is nullable, or no uuid.', attrelid::regclass) as problem
       from hidden where not hidden.right
     union all select format('The unique index %s spans environments.', i.indexrelid::regclass)
       from pg_index i join pg_class c on c.oid = i.indrelid
       where i.indisunique and ${ours("c")} and c.relkind in ('r', 'p')
         and not exists (select from hidden h where h.attrelid = i.indrelid and h.attnum = any (i.indkey[0:i.indnkeyatts - 1]))
     union all select format('The index %s can be searched for what other environments have.', indexrelid::regclass)
       from (${spanningIndexes}) i where not i.indisunique
     union all select format('The constraint %s of %s spans environments.', k.conname, k.conrelid::regclass)
       from pg_constraint k join pg_class c on c.oid = k.conrelid
       where k.contype in ('f', 'x') and ${ours("c")}
         and not exists (select from hidden h where h.attrelid = k.conrelid and h.attnum = any (k.conkey))`,
  );
}
