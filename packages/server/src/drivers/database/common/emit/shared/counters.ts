import type { CatalogObject, Place, SequenceOptions } from "../../catalog/catalog.ts";
import { reference, text } from "../quote.ts";
import { sequencesOf } from "../rows.ts";
import type { SealText } from "./hidden-column.ts";

type Counted = Place &
  Pick<SequenceOptions, "increment" | "minimum" | "maximum" | "cycle" | "lastValue" | "called">;

/** The next number of a counter, as a default. */
export const counterDefault = (sequence: Place): string =>
  `tenantry.next_number(${text(reference(sequence))})`;

/** Next values of sequences in an expression, as PostgreSQL writes them, become next values of counters. */
export function withCounters(expression: string): string {
  return expression.replace(/nextval\(('(?:[^']|'')+')::regclass\)/g, (_whole, name: string) =>
    counterDefault(placeIn(name)),
  );
}

/** `'"Case"."user_id_seq"'` and `'user_id_seq'` name the same way as a reference does. */
function placeIn(literal: string): Place {
  const name = literal.slice(1, -1).replaceAll("''", "'");
  const parts = name.match(/"(?:[^"]|"")*"|[^.]+/g) ?? [name];
  const plain = parts.map((part) => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part));
  return { schema: plain.length > 1 ? plain[0] : undefined, name: plain.at(-1)! };
}

/**
 * Statements that make the counters' tables and function, to run as the seal's owner once it has its schema `tenantry`.
 * Each environment has numbers of its own, which begin where the migrations left the sequence. The row is locked until
 * the transaction ends, so two of one environment that take numbers of one counter come after each other.
 */
export function counterStatements({ policyExpression }: SealText): string[] {
  return [
    `create table if not exists tenantry.counter (
       name text primary key, first numeric not null, step bigint not null, least bigint not null,
       greatest bigint not null, cycles boolean not null)`,
    `create table if not exists tenantry.count (
       environment uuid, name text references tenantry.counter on delete cascade, value bigint not null,
       primary key (environment, name)) with (fillfactor = 50)`,
    nextNumber(policyExpression),
    "revoke all on tenantry.counter, tenantry.count from public",
    "revoke all on function tenantry.next_number(text) from public",
  ];
}

/** By what policies compare with, since anybody may call it: the cheaper text may say any environment there is. */
const nextNumber = (environment: string): string => `
  create or replace function tenantry.next_number(wanted text) returns bigint language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp as $$
  declare
    own constant uuid not null := ${environment};
    number bigint;
    counter record;
  begin
    select * into counter from tenantry.counter c where c.name = wanted;
    if not found then raise exception 'there is no counter %', wanted using errcode = '42P01'; end if;
    update tenantry.count c set value = c.value + counter.step
      where c.environment = own and c.name = wanted
        and c.value::numeric + counter.step between counter.least and counter.greatest
      returning c.value into number;
    if found then return number; end if;
    insert into tenantry.count values (own, wanted, counter.first)
      on conflict (environment, name) do nothing returning value into number;
    if found then return number; end if;
    perform from tenantry.count c where c.environment = own and c.name = wanted
      and c.value::numeric + counter.step between counter.least and counter.greatest for update;
    -- Another transaction of the environment was first to begin it.
    if found then return tenantry.next_number(wanted); end if;
    if not counter.cycles then
      raise exception 'nextval: reached the limit of sequence "%"', wanted using errcode = '2200H';
    end if;
    update tenantry.count c set value = case when counter.step > 0 then counter.least else counter.greatest end
      where c.environment = own and c.name = wanted returning c.value into number;
    return number;
  end $$`;

/** Statements that say where each counter begins, to run as the seal's owner. Repeatable. */
export function counterRows(objects: readonly CatalogObject[]): string[] {
  return sequencesOf(objects).map((sequence: Counted) => {
    const { increment, minimum, maximum, cycle } = sequence;
    const first = BigInt(sequence.lastValue) + (sequence.called ? BigInt(increment) : 0n);
    return `insert into tenantry.counter values (${text(reference(sequence))}, ${first}, ${increment}, ${minimum},
      ${maximum}, ${cycle}) on conflict (name) do update set first = excluded.first, step = excluded.step,
      least = excluded.least, greatest = excluded.greatest, cycles = excluded.cycles`;
  });
}
