import type pg from "pg";
import { type Reader, readScope, type Scope } from "../common/catalog/scope.sql.ts";
import type { ArchiveSequence } from "../common/rows/archive.ts";
import { placeName } from "../common/rows/fits.ts";
import type { Refusal } from "../common/rows/relations.sql.ts";
import { firstPolicy } from "../common/seal/index.ts";

/** Where an environment's counters stand, as sequences. */
export async function selectCounters(client: Reader, environmentId: string): Promise<ArchiveSequence[]> {
  const { rows } = await client.query<{ parts: string[]; lastValue: string; called: boolean }>(
    `select parse_ident(c.name) as parts, coalesce(n.value, c.first)::text as "lastValue", n.value is not null as called
     from tenantry.counter c left join tenantry.count n on n.name = c.name and n.environment = $1 order by c.name`,
    [environmentId],
  );
  return rows.map(({ parts, lastValue, called }) => {
    const schema = parts.length > 1 ? { schema: parts[0]! } : {};
    return { ...schema, name: parts.at(-1)!, lastValue, called };
  });
}

/** Lets an environment's counters go on where sequences stood. What wasn't called yet gives its last value next. */
export async function replaceCounters(
  client: pg.ClientBase,
  environmentId: string,
  sequences: readonly ArchiveSequence[],
): Promise<void> {
  await client.query("delete from tenantry.count where environment = $1", [environmentId]);
  for (const sequence of sequences) {
    await client.query(
      `insert into tenantry.count (environment, name, value)
       select $1::uuid, c.name, $3::bigint - case when $4 then 0 else c.step end from tenantry.counter c
       where c.name = $2 and ($4 or c.first <> $3::bigint)`,
      [environmentId, placeName(sequence), sequence.lastValue, sequence.called],
    );
  }
}

/** The application's policies hide rows by what they please, and whoever reads them all is bound by them, too. */
export async function selectOwnPolicies(scope: Scope): Promise<Refusal[]> {
  return readScope(
    scope,
    `select c.oid::regclass::text as object, format('its policy %s may hide rows', quote_ident(p.polname)) as problem
     from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any ($2) and p.polname not in ('tenantry', '${firstPolicy}') order by 1`,
  );
}

/** Triggers that rows would set off as they come in or go: in a session of a replica, or in any other. */
export async function selectFiring(scope: Scope, unfired: boolean): Promise<Refusal[]> {
  return readScope(
    scope,
    `select distinct c.oid::regclass::text as object,
       format('its trigger %s would act upon what is only copied', quote_ident(t.tgname)) as problem
     from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any ($2) and not t.tgisinternal and t.tgparentid = 0 and t.tgtype & 12 <> 0
       and t.tgenabled in (${unfired ? "'A', 'R'" : "'A', 'O'"}) order by 1`,
  );
}
