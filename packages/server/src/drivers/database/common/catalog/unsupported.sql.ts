import { notOfExtension, readScope, type Scope } from "./scope.sql.ts";

const inSchemas = (catalog: string, alias: string, namespace: string): string =>
  `join pg_namespace n on n.oid = ${alias}.${namespace}
   where n.nspname = any ($2) and ${notOfExtension(catalog, `${alias}.oid`)}`;

const own = (catalog: string, alias: string): string =>
  `${alias}.oid >= 16384 and ${notOfExtension(catalog, `${alias}.oid`)}`;

/** Kinds of things that migrations can make and that aren't made again from a catalog. */
export async function selectUnsupported(scope: Scope): Promise<{ kind: string; name: string }[]> {
  return readScope(
    scope,
    `select * from (
       select 'aggregate' as kind, p.proname::text as name from pg_proc p ${inSchemas("pg_proc", "p", "pronamespace")}
         and p.prokind = 'a'
       union all select 'operator', o.oprname from pg_operator o ${inSchemas("pg_operator", "o", "oprnamespace")}
       union all select 'operator class', o.opcname from pg_opclass o ${inSchemas("pg_opclass", "o", "opcnamespace")}
       union all select 'collation', c.collname from pg_collation c ${inSchemas("pg_collation", "c", "collnamespace")}
       union all select 'conversion', c.conname from pg_conversion c ${inSchemas("pg_conversion", "c", "connamespace")}
       union all select 'text search configuration', c.cfgname from pg_ts_config c
         ${inSchemas("pg_ts_config", "c", "cfgnamespace")}
       union all select 'text search dictionary', d.dictname from pg_ts_dict d
         ${inSchemas("pg_ts_dict", "d", "dictnamespace")}
       union all select 'foreign table', c.relname from pg_class c ${inSchemas("pg_class", "c", "relnamespace")}
         and c.relkind = 'f'
       union all select 'table of a type', c.relname from pg_class c ${inSchemas("pg_class", "c", "relnamespace")}
         and c.reloftype <> 0
       union all select 'rule', r.rulename from pg_rewrite r join pg_class c on c.oid = r.ev_class
         ${inSchemas("pg_class", "c", "relnamespace")} and r.rulename <> '_RETURN'
       union all select 'cast', format_type(c.castsource, null) || ' as ' || format_type(c.casttarget, null)
         from pg_cast c where ${own("pg_cast", "c")} and not exists (select from pg_depend d
           where d.classid = 'pg_cast'::regclass and d.objid = c.oid and d.deptype = 'i')
       union all select 'event trigger', e.evtname from pg_event_trigger e where ${own("pg_event_trigger", "e")}
       union all select 'publication', p.pubname from pg_publication p where ${own("pg_publication", "p")}
       union all select 'foreign server', f.srvname from pg_foreign_server f where ${own("pg_foreign_server", "f")}
       union all select 'large object', l.oid::text from pg_largeobject_metadata l
     ) every order by kind, name`,
  );
}
