import type { ClientBase } from "pg";
import { databaseErrorCode } from "../../../infra/db/index.ts";
import { failure } from "../../../kernel/index.ts";

/**
 * Ends the backends of an operation's earlier holders, and those of this one that still work on the same physical name
 * (a step that was aborted and runs again). Names of backends are checked before they are read as numbers, since
 * anybody may call his backend anything.
 */
export async function terminateEarlierHolders(
  client: ClientBase,
  holder: { operation: string; fence: number },
  physicalName: string,
): Promise<void> {
  await client.query(
    `select pg_terminate_backend(a.pid, 5000)
     from pg_stat_activity a
     where a.pid <> pg_backend_pid() and a.usesysid is not null and pg_has_role(a.usesysid, 'usage')
       and case when a.application_name ~ '^tenantry/[0-9a-z]{26}/[0-9]{1,15}$'
         then split_part(a.application_name, '/', 2) = $1 and (
           split_part(a.application_name, '/', 3)::bigint < $2
           or split_part(a.application_name, '/', 3)::bigint = $2 and a.pid in (${lockHolders("$3")}))
         else false end`,
    [holder.operation, holder.fence, physicalName],
  );
}

/** The pids of those who hold or await the lock on a physical name. */
const lockHolders = (parameter: string): string =>
  `select l.pid from pg_locks l
   where l.locktype = 'advisory' and l.objsubid = 1
     and l.database = (select oid from pg_database where datname = current_database())
     and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(${parameter}, 7236)`;

/** Ends whoever holds or awaits the lock on a physical name. */
export async function terminateLockHolders(client: ClientBase, name: string): Promise<void> {
  await client.query(
    `select pg_terminate_backend(a.pid, 5000)
     from pg_stat_activity a
     where a.pid <> pg_backend_pid() and a.pid in (${lockHolders("$1")}) and pg_has_role(a.usesysid, 'usage')`,
    [name],
  );
}

/** Waits for the lock and keeps it for the session's life. */
export async function lockPhysicalName(client: ClientBase, name: string): Promise<void> {
  await client.query("select pg_advisory_lock(hashtextextended($1, 7236))", [name]);
}

/** The same, unless whoever has it keeps it for long; answers whether it is ours. */
export async function lockInTime(client: ClientBase, name: string): Promise<boolean> {
  await client.query(`set lock_timeout = ${namePatienceMs}`);
  try {
    await lockPhysicalName(client, name);
    return true;
  } catch (error) {
    if (databaseErrorCode(error) !== "55P03") throw error;
    return false;
  } finally {
    await client.query("reset lock_timeout").catch(() => undefined);
  }
}

const namePatienceMs = 10_000;

/**
 * Takes the lock on a physical name, beside others that the session has. Whoever else has it is waited for, but not for
 * long, unless it is an earlier holder of the operation, which is ended. Throws `busy`.
 */
export async function takeName(
  client: ClientBase,
  holder: { operation: string; fence: number },
  name: string,
): Promise<void> {
  const { rows } = await client.query<{ taken: boolean }>(
    "select pg_try_advisory_lock(hashtextextended($1, 7236)) as taken",
    [name],
  );
  if (rows[0]!.taken) return;
  await terminateEarlierHolders(client, holder, name);
  const { rows: before } = await client.query<{ value: string }>(
    "select current_setting('lock_timeout') as value",
  );
  await client.query("select set_config('lock_timeout', $1, false)", [String(namePatienceMs)]);
  try {
    await lockPhysicalName(client, name);
  } catch (error) {
    if (databaseErrorCode(error) !== "55P03") throw error;
    throw failure("busy", { detail: `Something else is being done to ${name}.` }, { cause: error });
  }
  await client.query("select set_config('lock_timeout', $1, false)", [before[0]!.value]);
}

export async function yieldName(client: ClientBase, name: string): Promise<void> {
  await client.query("select pg_advisory_unlock(hashtextextended($1, 7236))", [name]);
}

/** Who we are on a server, and what it is. */
export type ServerFacts = {
  readonly superuser: boolean;
  /** May let other roles see past every policy: who isn't a superuser may since PostgreSQL 16, with BYPASSRLS itself. */
  readonly liftsPolicies: boolean;
  readonly versionNumber: number;
};

export async function selectServerFacts(client: ClientBase): Promise<ServerFacts> {
  const { rows } = await client.query<ServerFacts>(
    `select rolsuper as superuser, current_setting('server_version_num')::int as "versionNumber",
       rolsuper or rolbypassrls and current_setting('server_version_num')::int >= 160000 as "liftsPolicies"
     from pg_roles where rolname = current_user`,
  );
  return rows[0]!;
}
