import type { DatabaseServer, DriverContext, PhysicalName } from "../driver.ts";
import { dropDatabase, revokeDatabase, selectDatabase } from "./databases.sql.ts";
import { deleteLogin, selectLogins, selectPlacesOfLogin } from "./logins.sql.ts";
import { removeMigrator } from "./migrator.ts";
import { databaseOfRole, isLogin, migratorName, rolesOfDatabase, sharersName } from "./names.ts";
import type { DriverParts } from "./parts.ts";
import {
  dropOwned,
  dropRole,
  forbidLogin,
  inheritFromLogin,
  roleExists,
  terminateRole,
} from "./roles.sql.ts";
import { type Seize, type Session, withSession } from "./session.ts";

/** Implements `DatabaseDriver.remove`. Both kinds take the lock on the database's name, as who builds it does. */
export async function remove(
  parts: DriverParts,
  context: DriverContext,
  request: { server: DatabaseServer; thing: PhysicalName },
): Promise<void> {
  const { server, thing } = request;
  const database = thing.kind === "database" ? thing.name : databaseOfRole(thing.name);
  const work = async (session: Session): Promise<PhysicalName[]> => {
    if (thing.kind === "database") {
      const roles = await removeDatabase(session, database);
      return [...roles.map((name) => ({ kind: "role" as const, name })), thing];
    }
    if (isLogin(thing.name)) await removeLogin(session, thing.name, parts.roles);
    else if (thing.name === migratorName(database)) await removeMigrator(session, thing.name);
    else await removeRole(session, thing.name, database);
    return [thing];
  };
  const seize = seizing(thing);
  const removed = await withSession(parts.connect, context, server, database, work, { seize });
  for (const { kind, name } of removed) {
    await context.resourceRemoved({ kind, driver: "database", serverId: server.id, physicalName: name });
  }
}

/** Whoever removes anything ends those who make it; a login's end is seen to by an operation and by a keeper, who take turns. */
export const seizing = (thing: PhysicalName): Seize =>
  thing.kind === "role" && isLogin(thing.name) ? "late" : "at once";

/** Roles go last: what they were granted goes with the database. */
async function removeDatabase(session: Session, name: string): Promise<string[]> {
  // Logins go first, since it is by their rights to the database that they are found.
  const logins = await selectLogins(session, name, sharersName(name));
  for (const login of logins) {
    await forbidLogin(session, login);
    await terminateRole(session, login);
    await session.inDatabase(name, (inside) => dropOwned(inside, login));
    await revokeDatabase(session, name, login);
    await dropRole(session, login);
  }
  const roles = rolesOfDatabase(name);
  for (const role of roles) await terminateRole(session, role);
  await dropDatabase(session, name);
  for (const role of roles) await dropRole(session, role);
  return [...logins, ...roles];
}

/** Takes a login away, with its rights, from wherever it leads. */
export async function removeLogin(
  session: Session,
  name: string,
  roles: DriverParts["roles"],
): Promise<void> {
  if (!(await roleExists(session, name))) return;
  await forbidLogin(session, name);
  await terminateRole(session, name);
  const { databases, groups } = await selectPlacesOfLogin(session, name);
  for (const database of databases) {
    const [heir] = rolesOfDatabase(database);
    await session.inDatabase(database, (inside) => inheritFromLogin(inside, name, heir!));
    await revokeDatabase(session, database, name);
  }
  for (const group of groups) {
    const database = databaseOfRole(group);
    if (group !== sharersName(database) || !(await selectDatabase(session, database))) continue;
    await session.inDatabase(database, async (inside) => {
      await deleteLogin(inside, name, roles);
      // Nobody inherits: the application's role is its neighbours', too.
      await dropOwned(inside, name);
    });
  }
  await dropRole(session, name);
}

async function removeRole(session: Session, role: string, database: string): Promise<void> {
  if (!(await roleExists(session, role))) return;
  await terminateRole(session, role);
  if (await selectDatabase(session, database)) await revokeDatabase(session, database, role);
  await dropRole(session, role);
}
