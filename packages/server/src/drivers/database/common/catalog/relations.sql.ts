import type {
  DefaultObject,
  Place,
  SequenceObject,
  StatisticsObject,
  TableObject,
  ViewObject,
} from "./catalog.ts";
import type { Found } from "./order.ts";
import { collationOf, notOfExtension, placeJson, placeOf, readScope, type Scope } from "./scope.sql.ts";

const head = `'relation:' || c.oid as node, c.oid::int8 as age, ${placeOf("n")} as schema, c.relname as name,
  obj_description(c.oid, 'pg_class') as comment`;
const from = `from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any ($2) and ${notOfExtension("pg_class", "c.oid")}`;

const sequenceFacts = (sequence: string): string => `'dataType', format_type(${sequence}.seqtypid, null),
  'start', ${sequence}.seqstart::text, 'increment', ${sequence}.seqincrement::text, 'minimum', ${sequence}.seqmin::text,
  'maximum', ${sequence}.seqmax::text, 'cache', ${sequence}.seqcache::text, 'cycle', ${sequence}.seqcycle`;

/** The sequence of an identity column, which its column owns. */
const identity = `case when a.attidentity <> '' then (
  select jsonb_build_object('always', a.attidentity = 'a',
    'sequence', ${placeJson("s.seqrelid")} || jsonb_build_object(${sequenceFacts("s")}, 'oid', s.seqrelid::int8))
  from pg_depend d join pg_sequence s on s.seqrelid = d.objid
  where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid
    and d.refobjsubid = a.attnum and d.deptype = 'i') end`;

/** How closely something is sampled, unless by default: that is -1 up to PostgreSQL 16, and null from 17 on. */
const ownTarget = (target: string): string => `nullif(${target}, -1)`;

const columns = `(select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', a.attname,
    'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull, 'local', a.attislocal,
    'collation', ${collationOf("a.attcollation", "a.atttypid")}, 'identity', ${identity},
    'generated', case when a.attgenerated <> '' then jsonb_build_object('stored', a.attgenerated = 's', 'expression',
      (select pg_get_expr(e.adbin, e.adrelid) from pg_attrdef e where e.adrelid = c.oid and e.adnum = a.attnum)) end,
    'statistics', ${ownTarget("a.attstattarget")},
    'comment', col_description(c.oid, a.attnum))) order by a.attnum), '[]')
  from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)`;

export async function selectTables(scope: Scope): Promise<Found<TableObject>[]> {
  return readScope(
    scope,
    `select ${head}, 'table' as kind, c.relpersistence = 'u' as unlogged, ${columns} as columns,
       case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as "partitionKey",
       case when c.relispartition then jsonb_build_object('bound', pg_get_expr(c.relpartbound, c.oid), 'parent',
         (select ${placeJson("i.inhparent")} from pg_inherits i where i.inhrelid = c.oid)) end as "partitionOf",
       case when c.relispartition then '[]' else (select coalesce(jsonb_agg(${placeJson("i.inhparent")}
         order by i.inhseqno), '[]') from pg_inherits i where i.inhrelid = c.oid) end as inherits,
       coalesce(c.reloptions, '{}') as options,
       case when c.relforcerowsecurity and c.relrowsecurity then 'forced' when c.relrowsecurity then 'on' else 'off' end
         as "rowSecurity",
       case c.relreplident when 'f' then 'full' when 'n' then 'nothing' end as "replicaIdentity"
     ${from} and c.relkind in ('r', 'p') order by c.oid`,
  );
}

export async function selectSequences(
  scope: Scope,
): Promise<Found<Omit<SequenceObject, "lastValue" | "called"> & { oid: number }>[]> {
  const rows = await readScope<Found<{ facts: object }>>(
    scope,
    `select ${head}, 'sequence' as kind, jsonb_build_object(${sequenceFacts("s")}, 'oid', c.oid::int8) as facts,
       (select jsonb_build_object('table', ${placeJson("d.refobjid")}, 'column', a.attname)
         from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
         where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass
           and d.deptype = 'a') as "ownedBy"
     from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_sequence s on s.seqrelid = c.oid
     where n.nspname = any ($2) and ${notOfExtension("pg_class", "c.oid")}
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
         and d.refclassid = 'pg_class'::regclass and d.deptype = 'i')`,
  );
  return rows.map(({ facts, ...row }) => ({ ...row, ...facts }) as never);
}

export type SequenceState = { oid: number; lastValue: string; called: boolean };

/** Where sequences stand, each of which has to be asked by itself. */
export async function selectSequenceStates(scope: Scope): Promise<Map<number, SequenceState>> {
  const names = await readScope<{ name: string; oid: number }>(
    scope,
    `select c.oid::regclass::text as name, c.oid::int as oid ${from} and c.relkind = 'S'`,
  );
  if (names.length === 0) return new Map();
  const parts = names.map(
    ({ name, oid }) =>
      `select ${oid} as oid, last_value::text as "lastValue", is_called as called from ${name}`,
  );
  const { rows } = await scope.client.query<SequenceState>(parts.join(" union all "));
  return new Map(rows.map((row) => [row.oid, row]));
}

export async function selectDefaults(scope: Scope): Promise<Found<DefaultObject>[]> {
  const rows = await readScope<Found<DefaultObject & { used: Place[] }>>(
    scope,
    `select 'default:' || e.oid as node, e.oid::int8 as age, 'default' as kind, ${placeJson("c.oid")} as table,
       a.attname as column, pg_get_expr(e.adbin, e.adrelid) as expression,
       (select coalesce(jsonb_agg(${placeJson("d.refobjid")}), '[]') from pg_depend d
         where d.classid = 'pg_attrdef'::regclass and d.objid = e.oid and d.refclassid = 'pg_class'::regclass
           and exists (select from pg_sequence s where s.seqrelid = d.refobjid)) as used
     from pg_attrdef e join pg_class c on c.oid = e.adrelid join pg_namespace n on n.oid = c.relnamespace
     join pg_attribute a on a.attrelid = e.adrelid and a.attnum = e.adnum
     where n.nspname = any ($2) and ${notOfExtension("pg_class", "c.oid")} and a.attgenerated = ''`,
  );
  return rows.map(({ used, ...row }) => {
    const plain = used.length === 1 && /^nextval\('(?:[^']|'')+'::regclass\)$/.test(row.expression);
    return { ...row, sequence: plain ? used[0] : undefined };
  });
}

export async function selectViews(scope: Scope): Promise<Found<ViewObject>[]> {
  return readScope(
    scope,
    `select ${head}, case c.relkind when 'v' then 'view' else 'materialized-view' end as kind,
       rtrim(pg_get_viewdef(c.oid), ';') as definition, coalesce(c.reloptions, '{}') as options,
       c.relispopulated as populated,
       (select min(k.conname) from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
         join pg_constraint k on d.refclassid = 'pg_constraint'::regclass and k.oid = d.refobjid
         where r.ev_class = c.oid) as "reliesOnKey"
     ${from} and c.relkind in ('v', 'm')`,
  );
}

export async function selectStatistics(scope: Scope): Promise<Found<StatisticsObject>[]> {
  return readScope(
    scope,
    `select 'statistics:' || s.oid as node, s.oid::int8 as age, 'statistics' as kind, ${placeOf("n")} as schema,
       s.stxname as name, obj_description(s.oid, 'pg_statistic_ext') as comment,
       ${ownTarget("s.stxstattarget")} as target,
       substr(pg_get_statisticsobjdef(s.oid),
         length('CREATE STATISTICS ' || quote_ident(n.nspname) || '.' || quote_ident(s.stxname)) + 2) as definition
     from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace
     where n.nspname = any ($2) and ${notOfExtension("pg_statistic_ext", "s.oid")}`,
  );
}
