import { readScope, type Scope } from "./scope.sql.ts";

/** A part of a thing (a column, an attribute, a label), and the number that it keeps when it is renamed. */
export type Part = {
  node: string;
  number: number;
  name: string;
  /** Tells a column's type from others, whatever they are called. */
  type?: string | null;
};

/** Columns of tables and views, attributes of composite types: by the thing that they belong to, in order. */
export async function selectColumnIdentities(scope: Scope): Promise<Part[]> {
  return readScope<Part>(
    scope,
    `select case c.relkind when 'c' then 'type:' || c.reltype else 'relation:' || c.oid end as node,
       a.attnum::int as number, a.attname::text as name,
       a.atttypid || ' ' || a.atttypmod as type
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any ($2) and a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'c')
     order by c.oid, a.attnum`,
  );
}

export async function selectLabelIdentities(scope: Scope): Promise<Part[]> {
  return readScope<Part>(
    scope,
    `select 'type:' || e.enumtypid as node, e.oid::int8::float8 as number, e.enumlabel::text as name
     from pg_enum e join pg_type t on t.oid = e.enumtypid join pg_namespace n on n.oid = t.typnamespace
     where n.nspname = any ($2) order by e.enumtypid, e.enumsortorder`,
  );
}
