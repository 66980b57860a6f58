import { readScope, type Scope } from "../catalog/scope.sql.ts";

/** Statements that take something away for the time of an import, and those that put it back as it was. */
export type PutAside = { away: string[]; back: string[] };

/**
 * What may not see rows coming in, or can't hold before all of them are there: the application's triggers, policies that
 * bind the owner, foreign keys (circles among them), and rules that older rows needn't keep. For whoever owns the tables.
 */
export async function selectPutAside(scope: Scope): Promise<PutAside> {
  const [found] = await readScope<PutAside>(
    scope,
    `with tables as (
       select c.oid, c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = any ($2) and c.relkind in ('r', 'p')
     ), triggers as (
       select format('alter table only %s ', t.name) as begin, quote_ident(g.tgname) as name,
         case g.tgenabled when 'A' then 'always ' when 'R' then 'replica ' else '' end as mode
       from pg_trigger g join tables t on t.oid = g.tgrelid where not g.tgisinternal and g.tgenabled <> 'D'
     ), rules as (
       select t.name as table_name, quote_ident(k.conname) as name, pg_get_constraintdef(k.oid) as definition,
         obj_description(k.oid, 'pg_constraint') as comment
       from pg_constraint k join tables t on t.oid = k.conrelid
       where k.conparentid = 0 and (k.contype = 'f' or not k.convalidated and (k.conislocal or k.coninhcount = 0))
     ), forced as (
       select format('alter table only %s ', t.name) as begin from tables t join pg_class c on c.oid = t.oid
       where c.relforcerowsecurity
     )
     select array(select begin || 'no force row level security' from forced)
       || array(select begin || 'disable trigger ' || name from triggers)
       || array(select format('alter table %s drop constraint %s', table_name, name) from rules) as away,
       array(select format('alter table %s add constraint %s %s', table_name, name, definition) from rules)
       || array(select format('comment on constraint %s on %s is %L', name, table_name, comment)
         from rules where comment is not null)
       || array(select begin || 'force row level security' from forced)
       || array(select begin || 'enable ' || mode || 'trigger ' || name from triggers) as back`,
  );
  return found!;
}

/** Materialised views that hold rows, each behind those that it looks at. */
export async function selectFilledViews(scope: Scope): Promise<string[]> {
  const rows = await readScope<{ name: string }>(
    scope,
    `with recursive looks as (
       select distinct r.ev_class as view, d.refobjid as at from pg_rewrite r
       join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
         and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
     ), depths as (
       select c.oid as view, 0 as depth from pg_class c where c.relkind in ('m', 'v')
       union select l.view, p.depth + 1 from depths p join looks l on l.at = p.view
     )
     select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       join depths p on p.view = c.oid
     where n.nspname = any ($2) and c.relkind = 'm' and c.relispopulated
     group by c.oid order by max(p.depth), c.oid`,
  );
  return rows.map(({ name }) => name);
}
