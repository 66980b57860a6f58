import type { AppSchema, BuiltDatabase, DatabaseServer, DriverContext } from "../driver.ts";
import { createDatabase, dropDatabase, openDatabase, selectDatabase } from "./databases.sql.ts";
import { blueprintName, databaseName, roleName } from "./names.ts";
import type { DriverParts } from "./parts.ts";
import { createLoginRole, grantMembership } from "./roles.sql.ts";
import { newPassword, scramVerifier } from "./scram.ts";
import { type Session, withSession } from "./session.ts";

/** Implements `DatabaseDriver.build` where an environment has a database of its own. */
export async function build(
  parts: DriverParts,
  context: DriverContext,
  request: { server: DatabaseServer; databaseId: string; schema: AppSchema },
): Promise<BuiltDatabase> {
  const built = {
    name: databaseName(request.databaseId),
    roleName: roleName(request.databaseId),
    password: newPassword(),
  };
  const resource = { driver: "database", serverId: request.server.id };
  const database = { ...resource, kind: "database", physicalName: built.name };
  const role = { ...resource, kind: "role", physicalName: built.roleName };
  await context.declareResource(database);
  await context.declareResource(role);
  await withSession(parts.connect, context, request.server, built.name, async (session) => {
    await createLoginRole(session, {
      name: built.roleName,
      verifier: await scramVerifier(built.password),
      connectionLimit: parts.connectionLimit,
      memberships: [
        grantMembership(session, parts.roles.data, built.roleName, { inherit: true, set: false }),
      ],
    });
    await copyBlueprint(parts, session, built.name, blueprintName(request.schema));
    await openDatabase(session, built.name, built.roleName);
  });
  await context.resourcePresent(database);
  await context.resourcePresent(role);
  return built;
}

/** A copy appears whole or not at all, so one that an earlier attempt made is as good as new. */
async function copyBlueprint(
  parts: DriverParts,
  session: Session,
  name: string,
  template: string,
): Promise<void> {
  const facts = await selectDatabase(session, name);
  if (facts && !facts.broken) return;
  await dropDatabase(session, name);
  await createDatabase(session, { name, owner: parts.roles.databases, template });
}
