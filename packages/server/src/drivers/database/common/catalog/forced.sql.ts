import type { Reader } from "./scope.sql.ts";

/** The tables that `current_user` owns, and whose own policies bind it nevertheless. */
export async function selectForcedTables(client: Reader): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select pg_catalog.format('%I.%I', n.nspname, c.relname) as name
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relrowsecurity and c.relforcerowsecurity and c.relkind in ('r', 'p')
       and pg_catalog.pg_has_role(c.relowner, 'usage')
       and not (select r.rolsuper or r.rolbypassrls from pg_catalog.pg_roles r where r.rolname = current_user)
     order by c.oid`,
  );
  return rows.map(({ name }) => name);
}

/**
 * Lets the owner see all rows of these tables until the transaction or savepoint is rolled back. Others wait for that, so
 * only where there are none.
 */
export async function liftForce(client: Reader, tables: readonly string[]): Promise<void> {
  for (const table of tables) await client.query(`alter table ${table} no force row level security`);
}
