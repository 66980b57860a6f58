import { databaseErrorCode } from "../../../infra/db/index.ts";
import { dropDatabase, selectDatabase } from "../common/databases.sql.ts";
import { selectPlacesOfLogin, selectSchemaLogins } from "../common/logins.sql.ts";
import { removeMigrator } from "../common/migrator.ts";
import { isLogin, partsOfPlace, rolesOfSchema, schemaOfRole } from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import { seizing } from "../common/remove.ts";
import {
  dropOwned,
  dropRole,
  forbidLogin,
  inheritFromLogin,
  roleExists,
  terminateRole,
} from "../common/roles.sql.ts";
import { type Session, withSession } from "../common/session.ts";
import type { DatabaseServer, DriverContext, PhysicalName } from "../driver.ts";
import { countSchemas, dropSchema, selectContainers, selectSchemasOfLogin } from "./schemas.sql.ts";

/** Implements `DatabaseDriver.remove`. What belongs to a schema takes the lock on its name, as who builds it does. */
export async function remove(
  parts: DriverParts,
  context: DriverContext,
  request: { server: DatabaseServer; thing: PhysicalName },
): Promise<void> {
  const { server, thing } = request;
  const removed = await removeThing(parts, context, server, thing);
  for (const { kind, name } of removed) {
    await context.resourceRemoved({ kind, driver: "schema", serverId: server.id, physicalName: name });
  }
}

async function removeThing(
  parts: DriverParts,
  context: DriverContext,
  server: DatabaseServer,
  thing: PhysicalName,
): Promise<PhysicalName[]> {
  const within = (lock: string, work: (session: Session) => Promise<void>) =>
    withSession(parts.connect, context, server, lock, work, { seize: seizing(thing) });
  if (thing.kind === "role") {
    await within(schemaOfRole(thing.name), async (session) => {
      const containers = await containersOf(session, thing.name, parts.roles.databases);
      await removeRole(session, thing.name, containers);
    });
    return [thing];
  }
  const { container, schema } = partsOfPlace(thing.name);
  if (schema === "") {
    await within(container, (session) => removeContainer(session, container));
    return [thing];
  }
  const { login, owner, migrator } = rolesOfSchema(schema);
  const given: string[] = [];
  await within(schema, async (session) => {
    const standing = await selectDatabase(session, container);
    if (standing) {
      given.push(...(await session.inDatabase(container, (inside) => selectSchemaLogins(inside, schema))));
    }
    // They go first, since it is by their rights to the schema that they are found.
    for (const role of given) {
      await forbidLogin(session, role);
      await removeRole(session, role, [container]);
    }
    if (await roleExists(session, login)) await forbidLogin(session, login);
    await removeMigrator(session, migrator);
    await terminateRole(session, login);
    if (standing) await session.inDatabase(container, (inside) => dropSchema(inside, schema));
    for (const role of [owner, login]) await removeRole(session, role, standing ? [container] : []);
  });
  const roles = [login, owner, migrator, ...given].map((name) => ({ kind: "role" as const, name }));
  return [...roles, thing];
}

/** Where a role may have rights: a login that was given out is a member of its container. */
async function containersOf(session: Session, role: string, databasesOwner: string): Promise<string[]> {
  const containers = await selectContainers(session, databasesOwner);
  if (!isLogin(role)) return containers;
  const { groups } = await selectPlacesOfLogin(session, role);
  return containers.filter((container) => groups.includes(container));
}

/** With what it owns and what it was given, in each container where that may be. */
async function removeRole(session: Session, role: string, containers: readonly string[]): Promise<void> {
  if (!(await roleExists(session, role))) return;
  await terminateRole(session, role);
  for (const container of containers)
    await session.inDatabase(container, async (inside) => {
      const [schema] = isLogin(role) ? await selectSchemasOfLogin(inside, role) : [];
      if (schema) await inheritFromLogin(inside, role, rolesOfSchema(schema).login);
      else await dropOwned(inside, role);
    });
  await dropRole(session, role);
}

/** One that was never finished. A container that holds schemas stays, whatever became of who made it. */
async function removeContainer(session: Session, container: string): Promise<void> {
  const facts = await selectDatabase(session, container);
  if (facts?.allowsConnections) {
    const schemas = await session.inDatabase(container, countSchemas).catch((error: unknown) => {
      if (databaseErrorCode(error) === "3D000") return 0;
      throw error;
    });
    if (schemas > 0) throw new Error(`${container} holds ${schemas} schemas.`);
  }
  await dropDatabase(session, container);
  await dropRole(session, container);
}
