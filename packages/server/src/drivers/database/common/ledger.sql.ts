import pg, { type ClientBase } from "pg";
import type { AppMigration } from "../driver.ts";
import { type InstallationRoles, ledgerSchema } from "./names.ts";
import type { Session } from "./session.ts";

const id = pg.escapeIdentifier;

/** The ledger's table where a database has one schema version. */
export const onlyLedger = "migrations";

/** Makes the ledger's schema in an empty database. Repeatable. Applications' roles get no right to it. */
export async function createLedgerSchema(session: Session, roles: InstallationRoles): Promise<void> {
  await session.change(`
    create schema if not exists ${ledgerSchema};
    grant usage on schema ${ledgerSchema} to ${id(roles.ledger)}`);
}

/** Makes one ledger. */
export async function createLedger(session: Session, table: string, roles: InstallationRoles): Promise<void> {
  await session.change(`
    create table if not exists ${ledgerSchema}.${id(table)} (
      ordinal int primary key,
      name text not null,
      checksum text not null,
      started_at timestamptz not null default now(),
      finished_at timestamptz
    );
    grant select, insert, update on ${ledgerSchema}.${id(table)} to ${id(roles.ledger)}`);
}

/**
 * The application's owner takes the public schema, as it would own the database on its own server; what it makes there
 * or elsewhere can be read and written by every environment's role, but not truncated or changed in form.
 */
export async function grantRows(session: Session, owner: string, roles: InstallationRoles): Promise<void> {
  const defaults = `alter default privileges for role ${id(owner)}`;
  const data = id(roles.data);
  // Only who may make schemas in a database can be given one.
  await session.change(`
    do $$ begin execute format('grant create on database %I to %I', current_database(), ${pg.escapeLiteral(owner)}); end $$;
    alter schema public owner to ${id(owner)};
    grant usage on schema public to ${data};
    ${defaults} grant usage on schemas to ${data};
    ${defaults} grant select, insert, update, delete on tables to ${data};
    ${defaults} grant select, usage, update on sequences to ${data};
    ${defaults} grant execute on routines to ${data}`);
}

export type LedgerRow = { ordinal: number; name: string; checksum: string; finished: boolean };

export async function selectLedger(client: ClientBase, table: string): Promise<LedgerRow[]> {
  const { rows } = await client.query<LedgerRow>(ledgerRows(table));
  return rows;
}

const ledgerRows = (table: string): string =>
  `select ordinal, name, checksum, finished_at is not null as finished
   from ${ledgerSchema}.${id(table)} order by ordinal`;

export async function insertLedger(
  client: ClientBase,
  table: string,
  migration: AppMigration,
  finished: boolean,
): Promise<void> {
  await client.query(
    `insert into ${ledgerSchema}.${id(table)} (ordinal, name, checksum, finished_at)
     values ($1, $2, $3, case when $4 then pg_catalog.clock_timestamp() end)
     on conflict (ordinal) do update set name = excluded.name, checksum = excluded.checksum,
       finished_at = excluded.finished_at`,
    [migration.ordinal, migration.name, migration.checksum, finished],
  );
}

/** The same on a connection that works as the application's owner, in one round trip. */
export async function selectLedgerAsOwner(client: ClientBase, table: string): Promise<LedgerRow[]> {
  const results = (await client.query(`set role none; ${ledgerRows(table)}; reset role`)) as unknown as {
    rows: LedgerRow[];
  }[];
  return results[1]!.rows;
}

/** The entry of a file that is done, as a text that goes with the file's own in one message. */
export function insertionIntoLedger(table: string, { ordinal, name, checksum }: AppMigration): string {
  return `insert into ${ledgerSchema}.${id(table)} (ordinal, name, checksum, finished_at)
    values (${ordinal}, ${pg.escapeLiteral(name)}, ${pg.escapeLiteral(checksum)}, pg_catalog.clock_timestamp())
    on conflict (ordinal) do update set name = excluded.name, checksum = excluded.checksum,
       finished_at = excluded.finished_at`;
}
