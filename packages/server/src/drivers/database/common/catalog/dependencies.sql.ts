import { readScope, type Scope } from "./scope.sql.ts";

/** What stands for a row of a system catalog: the thing that makes it. */
const nodes = `
  select 'pg_namespace'::regclass as classid, n.oid as objid, 'schema:' || n.oid as node from pg_namespace n
  union all
  select 'pg_class'::regclass, c.oid, case
      when c.relkind = 'c' then 'type:' || c.reltype
      when c.relkind in ('i', 'I') then coalesce((select 'constraint:' || k.oid from pg_constraint k
        where k.conindid = c.oid and k.contype in ('p', 'u', 'x') limit 1), 'relation:' || c.oid)
      else 'relation:' || c.oid end
    from pg_class c
  union all
  select 'pg_type'::regclass, t.oid, case
      when b.typrelid <> 0 and (select c.relkind from pg_class c where c.oid = b.typrelid) <> 'c'
        then 'relation:' || b.typrelid
      else 'type:' || coalesce((select r.rngtypid from pg_range r where r.rngmultitypid = b.oid), b.oid) end
    from pg_type t join pg_type b on b.oid = case when t.typcategory = 'A' and t.typelem <> 0 then t.typelem else t.oid end
  union all
  select 'pg_proc'::regclass, p.oid, 'routine:' || p.oid from pg_proc p
  union all
  select 'pg_constraint'::regclass, k.oid, case when k.contypid <> 0 then 'type:' || k.contypid
      when k.contype = 'n' then 'relation:' || k.conrelid else 'constraint:' || k.oid end
    from pg_constraint k
  union all
  select 'pg_attrdef'::regclass, e.oid, case when a.attgenerated <> '' then 'relation:' || e.adrelid
      else 'default:' || e.oid end
    from pg_attrdef e join pg_attribute a on a.attrelid = e.adrelid and a.attnum = e.adnum
  union all
  select 'pg_rewrite'::regclass, r.oid, 'relation:' || r.ev_class from pg_rewrite r
  union all
  select 'pg_trigger'::regclass, t.oid, 'trigger:' || t.oid from pg_trigger t
  union all
  select 'pg_policy'::regclass, p.oid, 'policy:' || p.oid from pg_policy p
  union all
  select 'pg_statistic_ext'::regclass, s.oid, 'statistics:' || s.oid from pg_statistic_ext s`;

export type Dependency = { node: string; needs: string };

/** 16384 is the first number that PostgreSQL gives to anything of a database's users. */
export async function selectDependencies(scope: Scope): Promise<Dependency[]> {
  return readScope<Dependency>(
    scope,
    `with nodes as materialized (select * from (${nodes}) every where every.objid >= 16384 or every.node ~ '^schema:')
     select distinct a.node, b.node as needs
     from pg_depend d
     join nodes a on a.classid = d.classid and a.objid = d.objid
     join nodes b on b.classid = d.refclassid and b.objid = d.refobjid
     where a.node <> b.node and d.deptype in ('n', 'a', 'i', 'P', 'S')`,
  );
}
