import type { AppSchema, DatabaseServer, DriverContext } from "../driver.ts";
import type { Catalog } from "./catalog/catalog.ts";
import { readCatalog } from "./catalog/read-catalog.ts";
import { closeBlueprint, reopenBlueprint } from "./databases.sql.ts";
import { asReader, migrationPlace } from "./migrator.ts";
import { blueprintName } from "./names.ts";
import type { DriverParts } from "./parts.ts";
import { type Session, withSession } from "./session.ts";

/** What the migrations made in a blueprint, which is open to nobody else meanwhile. */
export async function readBlueprint(
  parts: DriverParts,
  context: DriverContext,
  server: DatabaseServer,
  schema: AppSchema,
): Promise<Catalog> {
  const name = blueprintName(schema);
  return withSession(parts.connect, context, server, name, async (session) => {
    await reopenBlueprint(session, name);
    try {
      return await readAsOwner(parts, session, context, { server, name, schema });
    } finally {
      await closeBlueprint(session, name);
    }
  });
}

/**
 * Reads with the rights of the application's owner, and no more. Looking is enough to run functions of the application: those that an
 * index is made of when a table's rows are read, those that have the name of PostgreSQL's where names are looked for.
 */
export async function readAsOwner(
  parts: DriverParts,
  session: Session,
  context: DriverContext,
  { server, name, schema }: { server: DatabaseServer; name: string; schema: AppSchema },
): Promise<Catalog> {
  const request = { ...parts, context, server, ...migrationPlace(name, schema) };
  return asReader(session, request, ({ client }) => readCatalog(client));
}
