import pg, { type QueryResultRow } from "pg";
import { ledgerSchema } from "../names.ts";
import type { Extension } from "./catalog.ts";

/** A connection, as far as it is needed for reading. */
export type Reader = {
  query<Row extends QueryResultRow>(text: string, values?: unknown[]): Promise<{ rows: Row[] }>;
};

/** What is read: `home` is the schema whose name is left out of definitions. */
export type Scope = { client: Reader; home: string; schemas: string[] };

/** Where a schema's name is shown, and where it isn't. */
export const placeOf = (namespace: string): string =>
  `case when ${namespace}.nspname <> $1 then ${namespace}.nspname end`;

/** A table as `Place`. */
export const placeJson = (relation: string): string =>
  `(select jsonb_strip_nulls(jsonb_build_object('schema', ${placeOf("pn")}, 'name', pc.relname))
    from pg_class pc join pg_namespace pn on pn.oid = pc.relnamespace where pc.oid = ${relation})`;

/** Things of an extension come and go with it. */
export const notOfExtension = (catalog: string, oid: string): string =>
  `not exists (select from pg_depend x where x.classid = '${catalog}'::regclass and x.objid = ${oid} and x.deptype = 'e')`;

/** A collation when it isn't the one that the type has anyway. */
export const collationOf = (collation: string, type: string): string =>
  `(select quote_ident(xn.nspname) || '.' || quote_ident(x.collname) from pg_collation x
    join pg_namespace xn on xn.oid = x.collnamespace
    where x.oid = ${collation} and x.oid <> (select t2.typcollation from pg_type t2 where t2.oid = ${type}))`;

/** Reads rows of a query whose first parameter is the home schema and whose second the schemas in scope. */
export async function readScope<Row extends object>(scope: Scope, text: string): Promise<Row[]> {
  // The types of both stand at the beginning, whichever of them the query uses.
  const typed = `select found.* from (select $1::text, $2::text[]) scope, lateral (${text}) found`;
  const { rows } = await scope.client.query<Row>(typed, [scope.home, scope.schemas]);
  return rows;
}

/** Every schema that migrations may have made or filled. */
export async function selectSchemas(client: Reader): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select n.nspname as name from pg_namespace n
     where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', $1)
       and ${notOfExtension("pg_namespace", "n.oid")}
     order by n.oid`,
    [ledgerSchema],
  );
  return rows.map((row) => row.name);
}

export async function selectExtensions(client: Reader): Promise<Extension[]> {
  const { rows } = await client.query<Extension>(
    `select e.extname as name, n.nspname as schema,
       coalesce((select v.trusted from pg_available_extension_versions v
         where v.name = e.extname and v.version = e.extversion), false) as trusted
     from pg_extension e join pg_namespace n on n.oid = e.extnamespace
     where e.extname <> 'plpgsql' order by e.oid`,
  );
  return rows;
}

/**
 * Names are rendered without a schema when they are found on this path; values in forms that are read back exactly. The
 * tables' own policies aren't asked: they would run the application's functions.
 */
export async function lookFrom(client: Reader, path: readonly string[]): Promise<void> {
  // Statements, because not everybody may call set_config in a database that many share.
  await client.query(`
    set local search_path = ${path.map((name) => pg.escapeIdentifier(name)).join(", ")};
    set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local extra_float_digits = 1;
    set local bytea_output = 'hex'; set local timezone = 'UTC'; set local quote_all_identifiers = off;
    set local row_security = off`);
}

/** Names of everything in the scope that a statement may name with its schema. */
export async function selectNames(scope: Scope): Promise<string[]> {
  const rows = await readScope<{ name: string }>(
    scope,
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = any ($2)
     union select t.typname from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname = any ($2)
     union select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = any ($2)`,
  );
  return rows.map((row) => row.name);
}

/** Names of what extensions brought that a statement may name with its schema. */
export async function selectExtensionNames(client: Reader): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select distinct coalesce(t.typname, p.proname, o.opcname, c.relname)::text as name
     from pg_catalog.pg_depend d
     left join pg_catalog.pg_type t on d.classid = 'pg_catalog.pg_type'::regclass and t.oid = d.objid
     left join pg_catalog.pg_proc p on d.classid = 'pg_catalog.pg_proc'::regclass and p.oid = d.objid
     left join pg_catalog.pg_opclass o on d.classid = 'pg_catalog.pg_opclass'::regclass and o.oid = d.objid
     left join pg_catalog.pg_class c on d.classid = 'pg_catalog.pg_class'::regclass and c.oid = d.objid
     where d.deptype = 'e' and coalesce(t.oid, p.oid, o.oid, c.oid) is not null`,
  );
  return rows.map((row) => row.name);
}
