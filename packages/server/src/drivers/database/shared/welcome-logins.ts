import pg from "pg";
import { letIn } from "../common/databases.sql.ts";
import { sharersName } from "../common/names.ts";
import { createGroupRole } from "../common/roles.sql.ts";
import type { Session } from "../common/session.ts";

/**
 * Makes the group by which logins that are given out may connect to a shared database: thousands of them in the
 * database's own list of rights would be read at every connection. Repeatable.
 */
export async function welcomeLogins(session: Session, database: string): Promise<void> {
  const sharers = sharersName(database);
  await createGroupRole(session, sharers);
  await letIn(session, database, sharers);
  if (!session.superuser) return;
  // Taken from PUBLIC because a setting would outlast a tenant's turn on a connection of all. These connections are one's
  // own, and some drivers set the time zone so.
  await session.inDatabase(database, (inside) =>
    inside.change(
      `grant execute on function set_config(text, text, boolean) to ${pg.escapeIdentifier(sharers)}`,
    ),
  );
}
