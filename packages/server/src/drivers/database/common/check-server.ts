import type { ClientBase } from "pg";
import { connectAdvice } from "./connect-advice.ts";
import { type Connect, openClient } from "./session.ts";
import { protectionWarnings } from "./tls.ts";

export type ServerCheck =
  | {
      usable: true;
      versionNumber: number;
      superuser: boolean;
      encrypted: boolean;
      maxConnections: number;
      /** The same for whoever looks at this very server, however it is called, until it starts anew. */
      identity: string;
      /** Whether the database that the URL names holds a registry of Tenantry. */
      holdsRegistry: boolean;
      /** What works but should be known, in sentences. */
      warnings: string[];
    }
  | {
      usable: false;
      /** What has to change before the server can be used, in sentences. */
      missing: string[];
    };

/** Looks whether databases can be made on the server behind `url`. Changes nothing; never repeats the password. */
export async function checkServer(url: string, connect: Connect = openClient): Promise<ServerCheck> {
  let client: ClientBase & { end(): Promise<void> };
  try {
    client = await connect({
      connectionString: url,
      application_name: "tenantry check",
      connectionTimeoutMillis: 10_000,
      options: "-c search_path=pg_catalog -c statement_timeout=10000",
    });
  } catch (error) {
    const advice = connectAdvice(error);
    const missing = `It can't be connected to: ${(error as Error).message}.${advice && ` ${advice}`}`;
    return { usable: false, missing: [missing] };
  }
  try {
    const facts = await selectFacts(client);
    const isDirect = (client as unknown as { processID: number }).processID === facts.backend;
    if (!isDirect && (await losesSessions(client, url, connect))) {
      return { usable: false, missing: [throughPooler] };
    }
    return judge(url, facts);
  } catch (error) {
    return { usable: false, missing: [`It can't be examined: ${(error as Error).message}.`] };
  } finally {
    await client.end().catch(() => undefined);
  }
}

const throughPooler =
  "It is reached through a pooler in transaction mode, and Tenantry needs sessions: name the server itself here, and the pooler beside it (poolerUrl, --pooler-url).";

/** Whether a connection gets another backend for its next transaction once somebody else has taken its own. */
async function losesSessions(client: ClientBase, url: string, connect: Connect): Promise<boolean> {
  const backend = "select pg_backend_pid() as backend";
  const [before] = (await client.query<{ backend: number }>(backend)).rows;
  const other = await connect({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    query_timeout: 5_000,
  });
  try {
    await other.query("begin");
    const [taken] = (await other.query<{ backend: number }>(backend)).rows;
    return taken!.backend === before!.backend;
  } finally {
    await other.end().catch(() => undefined);
  }
}

type Facts = {
  backend: number;
  roleName: string;
  versionNumber: number;
  versionText: string;
  superuser: boolean;
  createsDatabases: boolean;
  createsRoles: boolean;
  readOnly: boolean;
  encoding: string;
  encrypted: boolean;
  maxConnections: number;
  identity: string;
  holdsRegistry: boolean;
};

async function selectFacts(client: ClientBase): Promise<Facts> {
  const { rows } = await client.query<Facts>(
    `select pg_backend_pid() as backend, rolname as "roleName", rolsuper as superuser, rolcreatedb as "createsDatabases",
       rolcreaterole as "createsRoles", current_setting('server_version_num')::int as "versionNumber",
       current_setting('server_version') as "versionText", current_setting('max_connections')::int as "maxConnections",
       pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean as "readOnly",
       (select pg_encoding_to_char(encoding) from pg_database where datname = 'template0') as encoding,
       coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as encrypted,
       (select system_identifier from pg_control_system()) || ' ' || pg_postmaster_start_time() as identity,
       to_regclass('tenantry.schema_migrations') is not null as "holdsRegistry"
     from pg_roles where rolname = current_user`,
  );
  return rows[0]!;
}

function judge(url: string, facts: Facts): ServerCheck {
  const missing: string[] = [];
  if (facts.versionNumber < 150_000) {
    missing.push(`It runs PostgreSQL ${facts.versionText}; 15 is the oldest that works: upgrade it.`);
  }
  if (!facts.superuser && !facts.createsDatabases) {
    missing.push(`The role ${facts.roleName} may not make databases: alter role ${facts.roleName} createdb.`);
  }
  if (!facts.superuser && !facts.createsRoles) {
    missing.push(`The role ${facts.roleName} may not make roles: alter role ${facts.roleName} createrole.`);
  }
  if (facts.readOnly) missing.push("It is read-only; the primary server is needed.");
  if (facts.encoding !== "UTF8") {
    missing.push(`Its encoding is ${facts.encoding}; a cluster with UTF8 is needed.`);
  }
  if (missing.length > 0) return { usable: false, missing };
  const { versionNumber, superuser, encrypted, maxConnections, identity, holdsRegistry } = facts;
  const warnings = protectionWarnings(url);
  return {
    usable: true,
    versionNumber,
    superuser,
    encrypted,
    maxConnections,
    identity,
    holdsRegistry,
    warnings,
  };
}
