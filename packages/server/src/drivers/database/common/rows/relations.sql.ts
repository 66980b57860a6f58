import type { QueryResultRow } from "pg";
import { notOfExtension, placeOf, type Reader, readScope, type Scope } from "../catalog/scope.sql.ts";
import { reference } from "../emit/quote.ts";
import { hiddenColumn } from "../emit/shared/hidden-column.ts";
import type { ArchiveColumn, ArchiveSequence } from "./archive.ts";

/** A table as rows are taken from it and put into it: a partitioned one as a whole, an inheriting one by itself. */
export type RowsTable = {
  oid: number;
  schema: string | null;
  name: string;
  partitioned: boolean;
  columns: ArchiveColumn[];
};

const at = (from: string): string => `${from} n on n.oid = c.relnamespace`;

/** Generated columns come by themselves, and the hidden one says whose row it is. */
export async function selectRowsTables(scope: Scope): Promise<RowsTable[]> {
  return readScope(
    scope,
    `select c.oid::int8::int as oid, ${placeOf("n")} as schema, c.relname::text as name, c.relkind = 'p' as partitioned,
       (select coalesce(jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod))
           order by a.attnum), '[]')
         from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
           and a.attname <> '${hiddenColumn}') as columns
     from pg_class c join ${at("pg_namespace")}
     where n.nspname = any ($2) and c.relkind in ('r', 'p') and not c.relispartition and ${notOfExtension("pg_class", "c.oid")}
     order by 2 nulls first, 3`,
  );
}

/** That a table's rows point to another's, by their oids; `late` when that may be checked at a transaction's end. */
export type Pointer = { from: number; to: number; late: boolean };

export async function selectPointers(scope: Scope): Promise<Pointer[]> {
  return readScope(
    scope,
    `select distinct k.condeferrable as late, coalesce(pg_partition_root(k.conrelid), k.conrelid)::oid::int8::int as "from",
       coalesce(pg_partition_root(k.confrelid), k.confrelid)::oid::int8::int as "to"
     from pg_constraint k join pg_class c on c.oid = k.conrelid join ${at("pg_namespace")}
     where n.nspname = any ($2) and k.contype = 'f'`,
  );
}

export type Refusal = { object: string; problem: string };

/** What rows can't be taken along with where an environment has its tables to itself, as texts for people. */
export async function selectUnportable(scope: Scope): Promise<Refusal[]> {
  return readScope(
    scope,
    `select c.oid::regclass::text as object, 'rows in it stand on a server of its own' as problem
       from pg_class c join ${at("pg_namespace")} where n.nspname = any ($2) and c.relkind = 'f'
     order by 1`,
  );
}

/** Large objects of a database, or of the roles named; an environment's rows point to them by number. */
export async function countLargeObjects(client: Reader, owners?: readonly string[]): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::int as count from pg_largeobject_metadata l join pg_roles r on r.oid = l.lomowner
     where $1::text[] is null or r.rolname = any ($1)`,
    [owners ?? null],
  );
  return rows[0]!.count;
}

/** Where sequences stand, each of which has to be asked by itself. */
export async function selectArchiveSequences(scope: Scope): Promise<ArchiveSequence[]> {
  const found = await readScope<{ schema: string | null; name: string }>(
    scope,
    `select ${placeOf("n")} as schema, c.relname::text as name from pg_class c join ${at("pg_namespace")}
     where n.nspname = any ($2) and c.relkind = 'S' and ${notOfExtension("pg_class", "c.oid")} order by 1 nulls first, 2`,
  );
  const sequences: ArchiveSequence[] = [];
  for (const { schema, name } of found) {
    const { rows } = await scope.client.query<{ lastValue: string; called: boolean }>(
      `select last_value::text as "lastValue", is_called as called
       from ${reference({ schema: schema ?? scope.home, name })}`,
    );
    sequences.push({ ...(schema !== null && { schema }), name, ...rows[0]! });
  }
  return sequences;
}

export async function setSequence(client: Reader, home: string, sequence: ArchiveSequence): Promise<void> {
  await client.query("select pg_catalog.setval($1::regclass, $2::bigint, $3)", [
    reference({ schema: sequence.schema ?? home, name: sequence.name }),
    sequence.lastValue,
    sequence.called,
  ]);
}

/** Settings under which values are written and read, beside those for looking around. None of them limits how long it takes. */
export async function settleSession(client: Reader): Promise<void> {
  for (const setting of [
    "lc_monetary = 'C'",
    "xmlbinary = 'base64'",
    "statement_timeout = 0",
    "idle_in_transaction_session_timeout = 0",
  ])
    await client.query(`set local ${setting}`);
}

export type SnapshotFacts = { snapshot: string; takenAt: Date };

/** Begins the one view of the database in which everything is read. */
export async function selectSnapshot(client: Reader): Promise<SnapshotFacts> {
  const { rows } = await client.query<SnapshotFacts & QueryResultRow>(
    `select pg_catalog.pg_current_snapshot()::text as snapshot, pg_catalog.clock_timestamp() as "takenAt"`,
  );
  return rows[0]!;
}
