import pg from "pg";
import type { InstallationRoles } from "../names.ts";
import type { Session } from "../session.ts";

const id = pg.escapeIdentifier;

/**
 * Functions that reach across environments, whatever the rows' policies say: locks and large objects that all share,
 * messages to whoever listens, other backends and what they do, settings changed from within an expression. Which
 * environment a login that was given out begins in is nobody's to read, either.
 */
export const sharedReach =
  "^(pg_(try_)?advisory_.*|lo_.*|lo(read|write|import|export|creat)|set_config|pg_notify|pg_(terminate|cancel)_backend" +
  "|pg_stat_get_(activity|backend_.*|progress_info|subscription|replication_slot|wal_senders)|pg_lock_status" +
  "|pg_prepared_xact|pg_log_backend_memory_contexts|pg_logical_emit_message|pg_export_snapshot|pg_blocking_pids" +
  "|pg_safe_snapshot_blocking_pids|pg_isolation_test_session_is_blocked)$";

/** Takes them from PUBLIC, in this database alone. Only a superuser can; elsewhere they are named limits. */
export async function revokeSharedReach(session: Session, roles: InstallationRoles): Promise<void> {
  await session.change(`
    do $$ declare each record; begin
      for each in select oid::regprocedure as name from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace and prokind = 'f' and proname ~ '${sharedReach}'
      loop execute format('revoke execute on function %s from public', each.name); end loop;
      for each in select lanname as name from pg_language where lanpltrusted and lanname not in ('sql', 'internal')
      loop execute format('revoke usage on language %I from public', each.name); end loop;
    end $$;
    revoke select on pg_catalog.pg_db_role_setting from public;
    grant execute on function set_config(text, text, boolean) to ${id(roles.seal)};
    grant usage on language plpgsql to ${id(roles.seal)}`);
}

/** Only rows, and only in what others have made. */
export async function revokeForms(session: Session): Promise<void> {
  await session.change(`
    revoke create on schema public from public;
    do $$ begin execute format('revoke create, temporary on database %I from public', current_database()); end $$`);
}
