import type pg from "pg";

/** A table that may be written, and a statement that puts a row into it. */
export type Mark = { table: string; statement: string };

/**
 * For each table that the login may write, a row with something in every column that needs it. Some of them the
 * database will refuse: what a column means isn't known here.
 */
export async function selectMarks(client: pg.Client): Promise<Mark[]> {
  const { rows } = await client.query<Mark>(
    `with tables as (
       select c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^(pg_|tenantry)'
         and n.nspname <> 'information_schema' and has_schema_privilege(n.oid, 'usage')
         and has_table_privilege(c.oid, 'insert')
     ), needed as (
       select t.oid, a.attnum, quote_ident(a.attname) as name, coalesce(
         -- A row that it has to point at, if there is one.
         (select format('(select %I from %s limit 1)', r.attname, k.confrelid::regclass)
          from pg_constraint k cross join unnest(k.conkey, k.confkey) as pair (own, other)
            join pg_attribute r on r.attrelid = k.confrelid and r.attnum = pair.other
          where k.conrelid = t.oid and k.contype = 'f' and pair.own = a.attnum limit 1),
         case
           when y.typtype = 'e' then format('(enum_range(null::%s))[1]', y.oid::regtype)
           when y.typcategory = 'A' then format('''{}''::%s', y.oid::regtype)
           when y.typcategory = 'N' then '1'
           when y.typcategory = 'B' then 'false'
           when y.typcategory = 'D' then 'now()'
           when y.typcategory = 'S' then '''tenantry canary'''
           when y.oid = 'uuid'::regtype then 'gen_random_uuid()'
           when y.oid in ('json'::regtype, 'jsonb'::regtype) then '''{}'''
           when y.oid = 'bytea'::regtype then ''''''
           else 'null'
         end) as value
       from tables t join pg_attribute a on a.attrelid = t.oid join pg_type y on y.oid = a.atttypid
       where a.attnum > 0 and not a.attisdropped and a.attnotnull and not a.atthasdef and a.attidentity = ''
         and a.attgenerated = ''
     )
     select t.name as table, coalesce(
       (select format('insert into %s (%s) values (%s)', t.name, string_agg(n.name, ', ' order by n.attnum),
          string_agg(n.value, ', ' order by n.attnum)) from needed n where n.oid = t.oid having count(*) > 0),
       format('insert into %s default values', t.name)) as statement
     from tables t order by t.oid`,
  );
  return rows;
}
