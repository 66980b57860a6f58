import pg from "pg";
import { extensionSchema, ledgerSchema } from "../common/names.ts";
import type { Session } from "../common/session.ts";

const id = pg.escapeIdentifier;

/** Where an environment's statements look for names. */
export const searchPathOf = (schema: string): string => `${id(schema)}, ${id(extensionSchema)}`;

/** For a transaction of a login of many schemas: it works in this one, as its owner. */
export const withinSchema = (schema: string, owner: string): string[] => [
  `set local role ${id(owner)}`,
  `set local search_path to ${searchPathOf(schema)}`,
];

/** The environment's login finds its own schema, however it connects. */
export async function setSearchPath(
  session: Session,
  place: { container: string; schema: string; login: string },
): Promise<void> {
  await session.change(
    `alter role ${id(place.login)} in database ${id(place.container)} set search_path = ${searchPathOf(place.schema)}`,
  );
}

/** A schema whose owner makes everything in it; its login reads and writes rows, whoever of the two came first. */
export async function createSchema(
  inside: Session,
  place: { schema: string; login: string; owner: string },
): Promise<void> {
  const [login, owner] = [id(place.login), id(place.owner)];
  const defaults = `alter default privileges for role ${owner}`;
  await inside.change(`
    drop schema if exists ${id(place.schema)} cascade;
    create schema ${id(place.schema)} authorization ${owner};
    grant usage on schema ${id(place.schema)} to ${login};
    ${defaults} grant select, insert, update, delete on tables to ${login};
    ${defaults} grant select, usage, update on sequences to ${login};
    ${defaults} revoke execute on routines from public;
    ${defaults} grant execute on routines to ${login}`);
}

export async function schemaExists(inside: Session, schema: string): Promise<boolean> {
  const rows = await inside.read("select from pg_namespace where nspname = $1", [schema]);
  return rows.length > 0;
}

/** The schema is whole when its ledger has entries: both come in one transaction. */
export async function hasEntries(inside: Session, ledger: string): Promise<boolean> {
  const rows = await inside.read<{ filled: boolean }>(
    `select exists (select from ${ledgerSchema}.${id(ledger)}) as filled`,
  );
  return rows[0]!.filled;
}

/** The schemas in which a login that was given out has rights. */
export async function selectSchemasOfLogin(inside: Session, login: string): Promise<string[]> {
  const rows = await inside.read<{ name: string }>(
    `select n.nspname::text as name from pg_namespace n
       cross join lateral aclexplode(n.nspacl) a join pg_roles r on r.oid = a.grantee
     where r.rolname = $1 and n.nspname ~ '^tns_'`,
    [login],
  );
  return rows.map((row) => row.name);
}

export async function dropSchema(inside: Session, schema: string): Promise<void> {
  await inside.change(`
    drop schema if exists ${id(schema)} cascade;
    drop table if exists ${ledgerSchema}.${id(schema)}`);
}

/**
 * Works while no other schema of the container is being migrated, and keeps the others waiting for that time. It isn't
 * the lock on a physical name, whose other holders a step would end as its own from an earlier try.
 */
export async function inTurn<Result>(
  session: Session,
  container: string,
  work: () => Promise<Result>,
): Promise<Result> {
  await session.read("select pg_advisory_lock(hashtextextended($1, 7237))", [container]);
  try {
    return await work();
  } finally {
    // A session that can't say so any more has lost it anyway.
    await session
      .read("select pg_advisory_unlock(hashtextextended($1, 7237))", [container])
      .catch(() => undefined);
  }
}

/** The containers of this installation on the server. */
export async function selectContainers(session: Session, databasesOwner: string): Promise<string[]> {
  const rows = await session.read<{ name: string }>(
    `select d.datname as name from pg_database d join pg_roles o on o.oid = d.datdba
     where o.rolname = $1 and d.datname ~ '^tnc_' and d.datallowconn order by 1`,
    [databasesOwner],
  );
  return rows.map((row) => row.name);
}

export async function countSchemas(inside: Session): Promise<number> {
  const rows = await inside.read<{ count: string }>(
    "select count(*) from pg_namespace where nspname ~ '^tns_'",
  );
  return Number(rows[0]!.count);
}
