import type { CatalogObject, Place, SequenceOptions } from "../../catalog/catalog.ts";
import { homeName } from "../home.ts";
import { reference, text } from "../quote.ts";
import { sequencesOf } from "../rows.ts";
import type { SealText } from "./hidden-column.ts";

type Counted = Place &
  Pick<SequenceOptions, "increment" | "minimum" | "maximum" | "cycle" | "lastValue" | "called">;

/** Numbers that a transaction takes one by one before it takes more at a time, and how many at most. */
const oneByOne = 64;
const largestLot = 4096;

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
  const plain = parts.map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.toLowerCase(),
  );
  const schema = plain.length > 1 && plain[0] !== homeName ? plain[0] : undefined;
  return { schema, name: plain.at(-1)! };
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

/**
 * A row that one transaction changes again and again leaves a chain of versions that each change walks: quadratic in the
 * rows of a bulk insert. So a transaction that has taken many numbers takes more at a time; what it doesn't need of the
 * last lot are gaps. The lot at hand stands in a setting that ends with the transaction: whoever forges it chooses
 * numbers for rows of his own environment, which he may anyway. Whose environment that is, is said by what policies compare
 * with, since anybody may call the function: the cheaper text may say any environment there is.
 */
const nextNumber = (environment: string): string => `
  create or replace function tenantry.next_number(wanted text) returns bigint language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp as $$${nextNumberBody(environment)}$$`;

export const nextNumberBody = (environment: string): string => `
  declare
    own constant uuid not null := ${environment};
    setting constant text := 'tenantry.counter_' || md5(wanted);
    lot text[] := string_to_array(current_setting(setting, true), ' ');
    taken bigint := 0;
    size bigint := 1;
    number bigint;
    counter record;
  begin
    if lot[1] = own::text then
      taken := lot[4]::bigint;
      if lot[5]::bigint > 0 then
        number := lot[2]::bigint;
        perform set_config(setting, concat_ws(' ', own, number + lot[3]::bigint, lot[3], taken, lot[5]::bigint - 1), true);
        return number;
      end if;
      size := case when taken < ${oneByOne} then 1 else least(taken, ${largestLot}) end;
    end if;
    select * into counter from tenantry.counter c where c.name = wanted;
    if not found then raise exception 'relation % does not exist', wanted using errcode = '42P01'; end if;
    loop
      update tenantry.count c set value = c.value + counter.step * size
        where c.environment = own and c.name = wanted
          and c.value::numeric + counter.step * size between counter.least and counter.greatest
        returning c.value - counter.step * (size - 1) into number;
      exit when found;
      if size > 1 then
        size := 1;
        continue;
      end if;
      insert into tenantry.count values (own, wanted, counter.first)
        on conflict (environment, name) do nothing returning value into number;
      exit when found;
      perform from tenantry.count c where c.environment = own and c.name = wanted
        and c.value::numeric + counter.step between counter.least and counter.greatest for update;
      -- Another transaction of the environment was first to begin it.
      continue when found;
      if not counter.cycles then
        raise exception 'nextval: reached the limit of sequence "%"', wanted using errcode = '2200H';
      end if;
      update tenantry.count c set value = case when counter.step > 0 then counter.least else counter.greatest end
        where c.environment = own and c.name = wanted returning c.value into number;
      exit;
    end loop;
    perform set_config(setting, concat_ws(' ', own, number + counter.step, counter.step, taken + size, size - 1), true);
    return number;
  end `;

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
