import { randomBytes } from "node:crypto";
import pg from "pg";
import { connectAdvice } from "./connect-advice.ts";
import { scramVerifier } from "./scram.ts";
import { type Connect, openClient } from "./session.ts";
import { protectionWarnings } from "./tls.ts";
import { urlAs } from "./url.ts";

/** What has to change before applications can go through a pooler, and what works but should be known, in sentences. */
export type PoolerCheck = { missing: string[]; warnings: string[] };

/**
 * Looks whether applications can reach the server behind `url` through the pooler behind `poolerUrl`, by a role that it
 * makes for that and takes away again: the pooler has to know roles and databases that are yet to come.
 */
export async function checkPooler(
  url: string,
  poolerUrl: string,
  connect: Connect = openClient,
): Promise<PoolerCheck> {
  const direct = await connect({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    // The role's own timeout is for others than us.
    options: "-c search_path=pg_catalog -c statement_timeout=10000",
  });
  const login = { user: `tnp_${randomBytes(8).toString("hex")}`, password: randomBytes(16).toString("hex") };
  const role = pg.escapeIdentifier(login.user);
  try {
    const { rows } = await direct.query<{ database: string; place: string }>(
      `select current_database() as database, ${placeText} as place`,
    );
    const { database, place } = rows[0]!;
    const verifier = pg.escapeLiteral(await scramVerifier(login.password));
    const soon = pg.escapeLiteral(new Date(Date.now() + 60_000).toISOString());
    await direct.query(`create role ${role} login password ${verifier} valid until ${soon}`);
    try {
      const at = (name: string) => urlAs(poolerUrl, { ...login, database: name });
      // `template1` is on every server, and in no pooler's list.
      const missing = [
        ...(await lookThrough(at(database), place, connect)),
        ...(await lookThrough(at("template1"), undefined, connect)),
      ];
      const warnings = [...protectionWarnings(poolerUrl), ...(await whoStays(direct, login.user))];
      return { missing: [...new Set(missing)], warnings };
    } finally {
      await direct.query(`drop role ${role}`);
    }
  } finally {
    await direct.end().catch(() => undefined);
  }
}

/** Who came with us into a database that anybody may have, and can't be put out by us: it couldn't be removed. */
async function whoStays(direct: pg.ClientBase, user: string): Promise<string[]> {
  const { rows } = await direct.query<{ role: string }>(
    `select distinct usename as role from pg_stat_activity
     where datname = 'template1' and usename <> $1 and not pg_has_role(usesysid, 'usage') order by 1`,
    [user],
  );
  return rows.map(
    ({ role }) =>
      `The pooler asks for passwords in tenants' databases, as the role "${role}", which Tenantry may not put out: a database can't be removed as long as it stays there. Let it ask in a database of its own (pgbouncer: \`auth_dbname\`), or leave soon (\`server_idle_timeout = 2\`).`,
  );
}

/** The same for all connections to one server until it starts anew. */
const placeText = "extract(epoch from pg_postmaster_start_time()) || ' ' || current_setting('port')";

async function lookThrough(url: string, place: string | undefined, connect: Connect): Promise<string[]> {
  let client: pg.Client;
  try {
    client = (await connect({ connectionString: url, connectionTimeoutMillis: 10_000 })) as pg.Client;
  } catch (error) {
    return whyNot(error as Error & { code?: string });
  }
  try {
    const { rows } = await client.query<{ backend: number; place: string }>(
      `select pg_backend_pid() as backend, ${placeText} as place`,
    );
    const { backend, place: found } = rows[0]!;
    if (place !== undefined && found !== place) return ["The pooler leads to another server."];
    if ((client as unknown as { processID: number }).processID === backend) {
      return ["No pooler answers there, but the server itself: leave the pooler out."];
    }
    return [];
  } finally {
    await client.end().catch(() => undefined);
  }
}

function whyNot(error: Error & { code?: string }): string[] {
  // Whom the server itself turned away, the pooler had let through.
  if (/permission denied for database/.test(error.message)) return [];
  if (/no such database|not allowed to connect to database/.test(error.message)) {
    return ["The pooler knows some databases alone: let it lead to any (pgbouncer: `* = host=…`)."];
  }
  if (/no such user|authentication failed|auth failed|password/i.test(error.message)) {
    return [
      "The pooler doesn't know roles that were just made: let it ask the server for them (pgbouncer: `auth_query`).",
    ];
  }
  const advice = connectAdvice(error);
  return [`The pooler can't be connected to: ${error.message}.${advice && ` ${advice}`}`];
}
