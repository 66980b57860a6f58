import type { DatabaseServer, DriverContext } from "../driver.ts";
import { dropDatabase } from "../postgres/databases.sql.ts";
import { migratorName } from "../postgres/names.ts";
import { dropRole, terminateRole } from "../postgres/roles.sql.ts";
import { withSession } from "../postgres/session.ts";
import type { DriverParts } from "./parts.ts";

/** Implements `DatabaseDriver.drop`. Roles go last: what they were granted goes with the database. */
export async function drop(
  parts: DriverParts,
  context: DriverContext,
  request: { server: DatabaseServer; name: string },
): Promise<void> {
  const roles = [request.name.replace(/^tn_/, "tnr_"), migratorName(request.name)].filter(
    (role) => role !== request.name,
  );
  await withSession(parts.connect, context, request.server, request.name, async (session) => {
    for (const role of roles) await terminateRole(session, role);
    await dropDatabase(session, request.name);
    for (const role of roles) await dropRole(session, role);
  });
  const resource = { driver: "database", serverId: request.server.id };
  for (const role of roles) {
    await context.resourceRemoved({ ...resource, kind: "role", physicalName: role });
  }
  await context.resourceRemoved({ ...resource, kind: "database", physicalName: request.name });
}
