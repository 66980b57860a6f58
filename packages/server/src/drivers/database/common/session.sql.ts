import type { ClientBase } from "pg";

/**
 * Ends the backends of an operation's holders up to `fence`. Their names are checked before they are read as numbers,
 * since anybody may call his backend anything.
 */
export async function terminateEarlierHolders(
  client: ClientBase,
  operation: string,
  fence: number,
): Promise<void> {
  await client.query(
    `select pg_terminate_backend(pid, 5000)
     from pg_stat_activity
     where pid <> pg_backend_pid() and usesysid is not null and pg_has_role(usesysid, 'usage')
       and case when application_name ~ '^tenantry/[0-9a-z]{26}/[0-9]{1,15}$'
         then split_part(application_name, '/', 2) = $1 and split_part(application_name, '/', 3)::bigint <= $2
         else false end`,
    [operation, fence],
  );
}

/** Ends whoever holds or awaits the lock on a physical name. */
export async function terminateLockHolders(client: ClientBase, name: string): Promise<void> {
  await client.query(
    `select pg_terminate_backend(l.pid, 5000)
     from pg_locks l join pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'advisory' and l.objsubid = 1 and l.pid <> pg_backend_pid()
       and l.database = (select oid from pg_database where datname = current_database())
       and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended($1, 7236)
       and pg_has_role(a.usesysid, 'usage')`,
    [name],
  );
}

/** Waits for the lock and keeps it for the session's life. */
export async function lockPhysicalName(client: ClientBase, name: string): Promise<void> {
  await client.query("select pg_advisory_lock(hashtextextended($1, 7236))", [name]);
}

export async function selectServerFacts(
  client: ClientBase,
): Promise<{ superuser: boolean; versionNumber: number }> {
  const { rows } = await client.query<{ superuser: boolean; versionNumber: number }>(
    `select rolsuper as superuser, current_setting('server_version_num')::int as "versionNumber"
     from pg_roles where rolname = current_user`,
  );
  return rows[0]!;
}
