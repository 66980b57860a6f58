import { hasCode } from "../../../kernel/index.ts";
import { createDatabase, openDatabase, selectDatabase } from "../common/databases.sql.ts";
import { schemaFindings } from "../common/emit/emit-schema.ts";
import { refuseUnheld } from "../common/emit/unheld.ts";
import { createLedgerSchema } from "../common/ledger.sql.ts";
import { blueprintName, containerName } from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import { readBlueprint } from "../common/read-blueprint.ts";
import { createGroupRole } from "../common/roles.sql.ts";
import { type Session, withSession } from "../common/session.ts";
import type { AppSchema, DatabaseServer, DriverContext } from "../driver.ts";
import {
  createExtension,
  createExtensionSchema,
  createForms,
  insertForm,
  selectForm,
  stateOfContainer,
} from "./containers.sql.ts";

/**
 * Implements `DatabaseDriver.prepare`: the database that holds all schemas of an application, with the extensions that
 * they need, and in it what the blueprint holds, so that building a schema doesn't have to look there.
 */
export async function prepare(
  parts: DriverParts,
  context: DriverContext,
  request: { server: DatabaseServer; schema: AppSchema },
): Promise<void> {
  const { server, schema } = request;
  const container = containerName(schema.appId);
  const blueprint = blueprintName(schema);
  await withSession(parts.connect, context, server, container, async (session) => {
    await makeContainer(parts, session, context, { server, container });
    const note = async (inside: Session): Promise<void> => {
      if (await selectForm(inside, blueprint)) return;
      const catalog = await readBlueprint(parts, context, server, schema);
      refuseUnheld("schema", schemaFindings(catalog), schema.migrations);
      for (const { name } of catalog.extensions) await createExtension(inside, name);
      await insertForm(inside, blueprint, catalog);
    };
    await session.inDatabase(container, note, { stays: true });
  });
}

/** A container that is finished belongs to no operation any more, so it is declared only before that. */
async function makeContainer(
  parts: DriverParts,
  session: Session,
  context: DriverContext,
  { server, container }: { server: DatabaseServer; container: string },
): Promise<void> {
  const { roles } = parts;
  const facts = await selectDatabase(session, container);
  const state = facts?.allowsConnections
    ? await session.inDatabase(container, stateOfContainer, { stays: true })
    : "begun";
  if (state === "finished") return;
  const resource = { kind: "database", driver: "schema", serverId: server.id, physicalName: container };
  await context.declareResource({ ...resource, common: true }).catch((error: unknown) => {
    // Its maker has noted that it stands, and was interrupted before he could write so into it.
    if (!(state === "filled" && hasCode(error, "busy"))) throw error;
  });
  for (const role of [roles.databases, roles.ledger, container]) await createGroupRole(session, role);
  if (!facts) {
    await createDatabase(session, {
      name: container,
      owner: roles.databases,
      template: "template0",
      encoding: "UTF8",
    });
  }
  await openDatabase(session, container, container);
  await session.inDatabase(container, async (inside) => {
    await createExtensionSchema(inside);
    await createLedgerSchema(inside, roles);
    await context.resourcePresent(resource);
    await createForms(inside);
  });
}
