import type { CompositeType, DomainType, EnumType, RangeType, SchemaObject } from "./catalog.ts";
import type { Found } from "./order.ts";
import { collationOf, notOfExtension, placeOf, readScope, type Scope } from "./scope.sql.ts";

const head = `'type:' || t.oid as node, t.oid::int8 as age, ${placeOf("n")} as schema, t.typname as name,
  obj_description(t.oid, 'pg_type') as comment`;
const from = `from pg_type t join pg_namespace n on n.oid = t.typnamespace
  where n.nspname = any ($2) and ${notOfExtension("pg_type", "t.oid")}`;

/** Schemas beside the home one. */
export async function selectSchemaObjects(scope: Scope): Promise<Found<SchemaObject>[]> {
  return readScope(
    scope,
    `select 'schema:' || n.oid as node, n.oid::int8 as age, 'schema' as kind, n.nspname as name,
       obj_description(n.oid, 'pg_namespace') as comment
     from pg_namespace n where n.nspname = any ($2) and n.nspname <> $1`,
  );
}

export async function selectEnums(scope: Scope): Promise<Found<EnumType>[]> {
  return readScope(
    scope,
    `select ${head}, 'enum' as kind,
       array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder) as labels
     ${from} and t.typtype = 'e'`,
  );
}

export async function selectDomains(scope: Scope): Promise<Found<DomainType>[]> {
  return readScope(
    scope,
    `select ${head}, 'domain' as kind, format_type(t.typbasetype, t.typtypmod) as "baseType",
       ${collationOf("t.typcollation", "t.typbasetype")} as collation, t.typdefault as default, t.typnotnull as "notNull",
       coalesce((select jsonb_agg(jsonb_build_object('name', c.conname, 'definition', pg_get_constraintdef(c.oid))
           order by c.conname)
         from pg_constraint c where c.contypid = t.oid and c.contype = 'c'), '[]') as checks
     ${from} and t.typtype = 'd'`,
  );
}

export async function selectComposites(scope: Scope): Promise<Found<CompositeType>[]> {
  return readScope(
    scope,
    `select ${head}, 'composite' as kind,
       (select coalesce(jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
           'collation', ${collationOf("a.attcollation", "a.atttypid")}) order by a.attnum), '[]')
         from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped) as attributes
     ${from} and t.typtype = 'c' and (select c.relkind from pg_class c where c.oid = t.typrelid) = 'c'`,
  );
}

export async function selectRanges(scope: Scope): Promise<Found<RangeType>[]> {
  return readScope(
    scope,
    `select ${head}, 'range' as kind,
       array_remove(array[
         'subtype = ' || format_type(r.rngsubtype, null),
         'subtype_opclass = ' || quote_ident(o.opcname),
         case when r.rngsubdiff <> 0 then 'subtype_diff = ' || r.rngsubdiff end,
         'multirange_type_name = ' || quote_ident(m.typname)], null) as options
     from pg_type t join pg_namespace n on n.oid = t.typnamespace join pg_range r on r.rngtypid = t.oid
     join pg_opclass o on o.oid = r.rngsubopc join pg_type m on m.oid = r.rngmultitypid
     where n.nspname = any ($2) and ${notOfExtension("pg_type", "t.oid")}`,
  );
}
