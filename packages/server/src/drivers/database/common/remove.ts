import type { DatabaseServer, DriverContext, PhysicalName } from "../driver.ts";
import { dropDatabase, revokeDatabase, selectDatabase } from "./databases.sql.ts";
import { removeMigrator } from "./migrator.ts";
import { databaseOfRole, migratorName, rolesOfDatabase } from "./names.ts";
import type { DriverParts } from "./parts.ts";
import { dropRole, roleExists, terminateRole } from "./roles.sql.ts";
import { type Session, withSession } from "./session.ts";

/** Implements `DatabaseDriver.remove`. Both kinds take the lock on the database's name, as who builds it does. */
export async function remove(
  parts: DriverParts,
  context: DriverContext,
  request: { server: DatabaseServer; thing: PhysicalName },
): Promise<void> {
  const { server, thing } = request;
  const database = thing.kind === "database" ? thing.name : databaseOfRole(thing.name);
  const removed: PhysicalName[] =
    thing.kind === "role"
      ? [thing]
      : [...rolesOfDatabase(database).map((name) => ({ kind: "role" as const, name })), thing];
  const work = async (session: Session) => {
    if (thing.kind === "database") await removeDatabase(session, database);
    else if (thing.name === migratorName(database))
      await removeMigrator(session, { database, migrator: thing.name });
    else await removeRole(session, thing.name, database);
  };
  await withSession(parts.connect, context, server, database, work, { seize: true });
  for (const { kind, name } of removed) {
    await context.resourceRemoved({ kind, driver: "database", serverId: server.id, physicalName: name });
  }
}

/** Roles go last: what they were granted goes with the database. */
async function removeDatabase(session: Session, name: string): Promise<void> {
  const roles = rolesOfDatabase(name);
  for (const role of roles) await terminateRole(session, role);
  await dropDatabase(session, name);
  for (const role of roles) await dropRole(session, role);
}

async function removeRole(session: Session, role: string, database: string): Promise<void> {
  if (!(await roleExists(session, role))) return;
  await terminateRole(session, role);
  if (await selectDatabase(session, database)) await revokeDatabase(session, database, role);
  await dropRole(session, role);
}
