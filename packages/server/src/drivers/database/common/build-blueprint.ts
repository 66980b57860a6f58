import { hasCode } from "../../../kernel/index.ts";
import type { AppSchema, DatabaseServer, DriverContext } from "../driver.ts";
import {
  closeBlueprint,
  createDatabase,
  dropDatabase,
  isFinishedBlueprint,
  openDatabase,
  selectDatabase,
} from "./databases.sql.ts";
import { createLedger, createLedgerSchema, grantRows, onlyLedger } from "./ledger.sql.ts";
import { migrationPlace, runMigrations } from "./migrator.ts";
import { blueprintName, migratorName, ownerName } from "./names.ts";
import type { DriverParts } from "./parts.ts";
import { createGroupRole, dropRole, terminateRole } from "./roles.sql.ts";
import { type Session, withSession } from "./session.ts";

/** Implements `DatabaseDriver.buildBlueprint`. The lock on its name lets one build and the others wait. */
export async function buildBlueprint(
  parts: DriverParts,
  context: DriverContext,
  request: { server: DatabaseServer; schema: AppSchema },
): Promise<string> {
  const name = blueprintName(request.schema);
  const resource = {
    kind: "database",
    driver: "database",
    serverId: request.server.id,
    physicalName: name,
  };
  return withSession(parts.connect, context, request.server, name, async (session) => {
    await context.declareResource({ ...resource, common: true });
    if (!isFinishedBlueprint(await selectDatabase(session, name))) {
      try {
        await removeBlueprint(session, name);
        await fillFromFiles(parts, session, { context, ...request, name });
        await closeBlueprint(session, name);
      } catch (error) {
        if (hasCode(error, "migration_failed")) {
          await removeBlueprint(session, name);
          await context.resourceRemoved(resource);
        }
        throw error;
      }
    }
    await context.resourcePresent(resource);
    return name;
  });
}

export async function removeBlueprint(session: Session, name: string): Promise<void> {
  await terminateRole(session, migratorName(name));
  await dropDatabase(session, name);
  await dropRole(session, migratorName(name));
}

/** A database of that name in which every migration was applied, open to us. */
export async function fillFromFiles(
  parts: DriverParts,
  session: Session,
  request: { context: DriverContext; server: DatabaseServer; schema: AppSchema; name: string },
): Promise<void> {
  const { roles } = parts;
  const owner = ownerName(request.schema.appId);
  for (const role of [roles.databases, roles.data, roles.ledger, owner]) await createGroupRole(session, role);
  await createDatabase(session, {
    name: request.name,
    owner: roles.databases,
    template: "template0",
    encoding: "UTF8",
  });
  await openDatabase(session, request.name);
  await session.inDatabase(request.name, async (inside) => {
    await createLedgerSchema(inside, roles);
    await createLedger(inside, onlyLedger, roles);
    await grantRows(inside, owner, roles);
  });
  await runMigrations(session, { ...parts, ...request, ...migrationPlace(request.name, request.schema) });
}
