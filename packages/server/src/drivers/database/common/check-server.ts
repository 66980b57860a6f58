import type { ClientBase } from "pg";
import { type Connect, openClient } from "./session.ts";

export type ServerCheck =
  | {
      usable: true;
      versionNumber: number;
      superuser: boolean;
      encrypted: boolean;
      maxConnections: number;
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
    return { usable: false, missing: [`It doesn't answer: ${(error as Error).message}.`] };
  }
  try {
    return judge(await selectFacts(client));
  } catch (error) {
    return { usable: false, missing: [`It can't be examined: ${(error as Error).message}.`] };
  } finally {
    await client.end().catch(() => undefined);
  }
}

type Facts = {
  roleName: string;
  versionNumber: number;
  versionText: string;
  superuser: boolean;
  createsDatabases: boolean;
  createsRoles: boolean;
  readOnly: boolean;
  encoding: string;
  encrypted: boolean;
  local: boolean;
  maxConnections: number;
};

async function selectFacts(client: ClientBase): Promise<Facts> {
  const { rows } = await client.query<Facts>(
    `select rolname as "roleName", rolsuper as superuser, rolcreatedb as "createsDatabases",
       rolcreaterole as "createsRoles", current_setting('server_version_num')::int as "versionNumber",
       current_setting('server_version') as "versionText", current_setting('max_connections')::int as "maxConnections",
       pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean as "readOnly",
       (select pg_encoding_to_char(encoding) from pg_database where datname = 'template0') as encoding,
       coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as encrypted,
       coalesce(inet_server_addr() <<= any (array['127.0.0.0/8', '::1']::inet[]), true) as local
     from pg_roles where rolname = current_user`,
  );
  return rows[0]!;
}

function judge(facts: Facts): ServerCheck {
  const missing: string[] = [];
  if (facts.versionNumber < 150_000) {
    missing.push(`It runs PostgreSQL ${facts.versionText}; 15 is the oldest that works.`);
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
  const { versionNumber, superuser, encrypted, maxConnections } = facts;
  const warnings =
    encrypted || facts.local ? [] : ["The connection isn't encrypted; add sslmode=verify-full to the URL."];
  return { usable: true, versionNumber, superuser, encrypted, maxConnections, warnings };
}
