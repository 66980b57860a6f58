import pg from "pg";
import { databaseErrorCode } from "../../../infra/db/index.ts";
import { failure } from "../../../kernel/index.ts";
import type { Session } from "./session.ts";

const id = pg.escapeIdentifier;

export type DatabaseFacts = {
  allowsConnections: boolean;
  connectionLimit: number;
  /** A drop was interrupted: it can only be dropped again. */
  broken: boolean;
};

export async function selectDatabase(session: Session, name: string): Promise<DatabaseFacts | undefined> {
  const rows = await session.read<DatabaseFacts>(
    `select datallowconn as "allowsConnections", datconnlimit as "connectionLimit", datconnlimit = -2 as broken
     from pg_database where datname = $1`,
    [name],
  );
  return rows[0];
}

/**
 * Makes a database that nobody can connect to yet: whoever got in before CONNECT is revoked from PUBLIC would stay in.
 * WAL_LOG copies through the log; FILE_COPY would checkpoint the whole server.
 */
export async function createDatabase(
  session: Session,
  database: { name: string; owner: string; template: string; encoding?: string },
): Promise<void> {
  const encoding = database.encoding ? ` encoding '${database.encoding}'` : "";
  await session.change(
    `create database ${id(database.name)} owner ${id(database.owner)} template ${id(database.template)}` +
      ` strategy wal_log${encoding} allow_connections false`,
  );
}

/** Opens a database to one role alone. A template's privileges aren't copied, so this is done for each. */
export async function openDatabase(session: Session, name: string, roleName?: string): Promise<void> {
  await session.change(`
    revoke all on database ${id(name)} from public;
    ${roleName ? `grant connect on database ${id(name)} to ${id(roleName)};` : ""}
    alter database ${id(name)} with allow_connections true`);
}

/** The connection limit is the mark of a finished blueprint: both are set at once. */
export async function closeBlueprint(session: Session, name: string): Promise<void> {
  await session.change(`alter database ${id(name)} with allow_connections false connection limit 0`);
}

/** Opens a finished blueprint to its owner for a look. */
export async function reopenBlueprint(session: Session, name: string): Promise<void> {
  await session.change(`alter database ${id(name)} with allow_connections true connection limit 1`);
}

export function isFinishedBlueprint(facts: DatabaseFacts | undefined): boolean {
  return facts !== undefined && !facts.allowsConnections && facts.connectionLimit === 0;
}

/** A migrator may connect, and the owner that it works as may make schemas and trusted extensions, while it lasts. */
export async function openToMigrator(
  session: Session,
  name: string,
  roles: { migrator: string; owner: string },
): Promise<void> {
  await session.change(`
    ${lockRights(name)};
    grant connect on database ${id(name)} to ${id(roles.migrator)};
    grant create on database ${id(name)} to ${id(roles.owner)}`);
}

/** Takes back what `openToMigrator` gave. */
export async function takeFromMigrator(
  session: Session,
  name: string,
  roles: { migrator: string; owner: string },
): Promise<void> {
  await session.change(`
    ${lockRights(name)};
    revoke all on database ${id(name)} from ${id(roles.migrator)}, ${id(roles.owner)}`);
}

/** One more role may connect. */
export async function letIn(session: Session, name: string, role: string): Promise<void> {
  await session.change(`${lockRights(name)}; grant connect on database ${id(name)} to ${id(role)}`);
}

/** Takes all rights to the database from a role. */
export async function revokeDatabase(session: Session, name: string, role: string): Promise<void> {
  await session.change(`${lockRights(name)}; revoke all on database ${id(name)} from ${id(role)}`);
}

/** Rights of a database stand in one row of the catalog, which two can't change at the same time. */
const lockRights = (name: string): string =>
  `select pg_advisory_xact_lock(hashtextextended(${pg.escapeLiteral(`rights ${name}`)}, 7236))`;

/** Ends every connection to the database that this role may end; autovacuum yields by itself. */
export async function dropDatabase(session: Session, name: string): Promise<void> {
  const facts = await selectDatabase(session, name);
  if (!facts) return;
  if (!facts.broken) {
    await session.change(`alter database ${id(name)} with allow_connections false`);
    await session.change(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity
       where datname = ${pg.escapeLiteral(name)} and usesysid is not null and pg_has_role(usesysid, 'usage')`,
    );
  }
  try {
    await session.change(`drop database if exists ${id(name)}`);
  } catch (error) {
    if (databaseErrorCode(error) !== inUse) throw error;
    const others = await session.read<{ role: string }>(
      `select distinct coalesce(usename, backend_type) as role from pg_stat_activity
       where datname = $1 and pid <> pg_backend_pid() order by 1`,
      [name],
    );
    const who = others.map(({ role }) => `"${role}"`).join(", ") || "somebody";
    throw failure(
      "busy",
      {
        detail: `The database ${name} can't be removed while ${who} is connected to it, whom Tenantry's role may not put out.`,
        remedy:
          "End those connections. If it is the role by which a pooler asks for passwords, let it ask in a database of its own (pgbouncer: `auth_dbname`).",
      },
      { cause: error },
    );
  }
}

/** PostgreSQL has waited five seconds for the others to leave. */
const inUse = "55006";
