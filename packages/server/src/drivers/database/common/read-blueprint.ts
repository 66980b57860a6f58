import type { DatabaseServer, DriverContext } from "../driver.ts";
import type { Catalog } from "./catalog/catalog.ts";
import { readCatalog } from "./catalog/read-catalog.ts";
import { closeBlueprint, reopenBlueprint } from "./databases.sql.ts";
import type { DriverParts } from "./parts.ts";
import { withSession } from "./session.ts";

/** What the migrations made in a blueprint, which is open to nobody else meanwhile. */
export async function readBlueprint(
  parts: DriverParts,
  context: DriverContext,
  server: DatabaseServer,
  name: string,
): Promise<Catalog> {
  return withSession(parts.connect, context, server, name, async (session) => {
    await reopenBlueprint(session, name);
    try {
      return await session.inDatabase(name, (inside) =>
        readCatalog({ query: async (text, values) => ({ rows: await inside.read(text, values) }) }),
      );
    } finally {
      await closeBlueprint(session, name);
    }
  });
}
