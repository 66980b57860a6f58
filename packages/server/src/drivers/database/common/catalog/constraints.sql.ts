import type { ConstraintObject, IndexObject, PolicyObject, TriggerObject } from "./catalog.ts";
import type { Found } from "./order.ts";
import { notOfExtension, placeJson, placeOf, readScope, type Scope } from "./scope.sql.ts";

const names = (table: string, numbers: string): string =>
  `array(select a.attname::text from unnest(${numbers}) with ordinality listed(number, position)
    join pg_attribute a on a.attrelid = ${table} and a.attnum = listed.number order by listed.position)`;

const action = (column: string): string =>
  `case ${column} when 'a' then 'NO ACTION' when 'r' then 'RESTRICT' when 'c' then 'CASCADE' when 'n' then 'SET NULL'
    when 'd' then 'SET DEFAULT' end`;

/** Those of the table itself; what a parent brings comes with the parent. NOT NULL stands at the columns. */
export async function selectConstraints(scope: Scope): Promise<Found<ConstraintObject>[]> {
  return readScope(
    scope,
    `select 'constraint:' || k.oid as node, k.oid::int8 as age, 'constraint' as kind,
       case k.contype when 'p' then 'primary' when 'u' then 'unique' when 'f' then 'foreign' when 'c' then 'check'
         else 'exclusion' end as type,
       ${placeJson("c.oid")} as table, k.conname as name, pg_get_constraintdef(k.oid) as definition,
       ${names("k.conrelid", "k.conkey")} as columns,
       case when k.contype = 'f' then jsonb_build_object('columns', ${names("k.conrelid", "k.conkey")},
         'target', ${placeJson("k.confrelid")}, 'targetColumns', ${names("k.confrelid", "k.confkey")},
         'onUpdate', ${action("k.confupdtype")}, 'onDelete', ${action("k.confdeltype")},
         'onDeleteColumns', ${names("k.conrelid", "k.confdelsetcols")}, 'matchFull', k.confmatchtype = 'f',
         'period', pg_get_constraintdef(k.oid) ~ '^FOREIGN KEY \\(.*PERIOD ') end as "foreignKey",
       case when not k.condeferrable then 'no' when k.condeferred then 'deferred' else 'immediate' end as deferrable,
       k.convalidated as validated, obj_description(k.oid, 'pg_constraint') as comment
     from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any ($2) and ${notOfExtension("pg_class", "c.oid")} and k.contype in ('p', 'u', 'f', 'c', 'x')
       and k.conparentid = 0 and (k.conislocal or k.coninhcount = 0)`,
  );
}

/** Whether some operator that an index serves is leakproof: conditions with it go before policies. */
export const isLeakproof = (index: string): string =>
  `exists (select from pg_opclass f join pg_amop a on a.amopfamily = f.opcfamily join pg_operator o on o.oid = a.amopopr
     join pg_proc p on p.oid = o.oprcode where f.oid = any (${index}.indclass) and a.amoppurpose = 's' and p.proleakproof)`;

/** Indexes that aren't a constraint's, nor a partition's part of one. */
export async function selectIndexes(scope: Scope): Promise<Found<IndexObject>[]> {
  return readScope(
    scope,
    `select 'relation:' || c.oid as node, c.oid::int8 as age, 'index' as kind, ${placeOf("n")} as schema,
       c.relname as name, obj_description(c.oid, 'pg_class') as comment, ${placeJson("i.indrelid")} as table,
       i.indisunique as unique, m.amname as method, ${isLeakproof("i")} as leakproof,
       (select coalesce(jsonb_agg(jsonb_build_object('column', a.attnum, 'target', a.attstattarget) order by a.attnum), '[]')
         from pg_attribute a where a.attrelid = c.oid and a.attstattarget <> -1) as statistics,
       substr(i.full_definition, position(' USING ' || m.amname || ' (' in i.full_definition) + 7) as definition
     from (select x.*, pg_get_indexdef(x.indexrelid) as full_definition from pg_index x) i
     join pg_class c on c.oid = i.indexrelid
     join pg_namespace n on n.oid = c.relnamespace join pg_am m on m.oid = c.relam
     where n.nspname = any ($2) and ${notOfExtension("pg_class", "i.indrelid")} and not c.relispartition
       and not exists (select from pg_constraint k where k.conindid = c.oid and k.contype in ('p', 'u', 'x'))`,
  );
}

export async function selectTriggers(scope: Scope): Promise<Found<TriggerObject>[]> {
  return readScope(
    scope,
    `select 'trigger:' || t.oid as node, t.oid::int8 as age, 'trigger' as kind, ${placeJson("c.oid")} as table,
       t.tgname as name, pg_get_triggerdef(t.oid, true) as definition, t.tgenabled as enabled,
       obj_description(t.oid, 'pg_trigger') as comment
     from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any ($2) and ${notOfExtension("pg_class", "c.oid")} and not t.tgisinternal and t.tgparentid = 0`,
  );
}

/** By which a migrator sees rows that an application's own policies hide, while it reads them: not the application's. */
export const readingPolicy = "tenantry_reading";

export async function selectPolicies(scope: Scope): Promise<Found<PolicyObject>[]> {
  return readScope(
    scope,
    `select 'policy:' || p.oid as node, p.oid::int8 as age, 'policy' as kind, ${placeJson("c.oid")} as table,
       p.polname as name, p.polpermissive as permissive,
       case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE'
         else 'ALL' end as command,
       array(select r.rolname::text from pg_roles r where r.oid = any (p.polroles)) as roles,
       pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as check
     from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any ($2) and ${notOfExtension("pg_class", "c.oid")}
       and not (p.polname = '${readingPolicy}'
         and exists (select from pg_roles r where r.oid = any (p.polroles) and r.rolname like 'tnm%'))`,
  );
}
