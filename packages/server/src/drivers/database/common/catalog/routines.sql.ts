import type { RoutineObject } from "./catalog.ts";
import type { Found } from "./order.ts";
import { notOfExtension, placeOf, readScope, type Scope } from "./scope.sql.ts";

type Row = Found<Omit<RoutineObject, "header">> & { rest: string };

export async function selectRoutines(scope: Scope): Promise<Found<RoutineObject>[]> {
  const rows = await readScope<Row>(
    scope,
    `select 'routine:' || p.oid as node, p.oid::int8 as age, ${placeOf("n")} as schema, p.proname as name,
       case p.prokind when 'p' then 'procedure' else 'function' end as kind,
       obj_description(p.oid, 'pg_proc') as comment, pg_get_function_identity_arguments(p.oid) as arguments,
       case when p.prosqlbody is null then p.prosrc end as body, coalesce(p.proconfig, '{}') as settings,
       exists (select from pg_type t join pg_class c on c.oid = t.typrelid
         where t.oid = p.prorettype and c.relkind in ('r', 'p', 'v')) as "returnsRows", p.prosecdef as "securityDefiner", l.lanname as language,
       substr(pg_get_functiondef(p.oid), length('CREATE OR REPLACE ' || case p.prokind when 'p' then 'PROCEDURE ' else
         'FUNCTION ' end || quote_ident(n.nspname) || '.' || quote_ident(p.proname)) + 1) as rest,
       (select min(k.conname) from pg_depend d join pg_constraint k on k.oid = d.refobjid
         where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.refclassid = 'pg_constraint'::regclass)
         as "reliesOnKey"
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
     where n.nspname = any ($2) and ${notOfExtension("pg_proc", "p.oid")} and p.prokind in ('f', 'p', 'w')
       and l.lanname not in ('c', 'internal')`,
  );
  return rows.map(({ rest, ...row }) => ({ ...row, header: headerOf(rest, row) }));
}

/** PostgreSQL writes each SET clause on a line of its own, and the body last. */
function headerOf(rest: string, row: Pick<Row, "body" | "settings">): string {
  const end = row.body === undefined || row.body === null ? rest.length : rest.indexOf("\nAS ");
  const lines = rest.slice(0, end).trimEnd().split("\n");
  return lines.filter((line) => !(row.settings.length > 0 && line.startsWith(" SET "))).join("\n");
}
