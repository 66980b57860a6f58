import { selectSchemaLogins } from "../common/logins.sql.ts";
import { partsOfPlace, rolesOfSchema } from "../common/names.ts";
import type { OwnRows } from "../common/rows/own-rows.ts";
import type { RowsPlace } from "../driver.ts";
import { migrationPlace } from "./migration-place.ts";

/** Where an environment's tables are at the level `schema`. */
export function rowsOf({ database }: Pick<RowsPlace, "database">): OwnRows {
  const { container, schema } = partsOfPlace(database.name);
  const { login, owner } = rolesOfSchema(schema);
  return {
    lock: schema,
    migration: migrationPlace(container, schema),
    home: schema,
    homeOnly: true,
    ownersOfLargeObjects: async (inside) => [login, owner, ...(await selectSchemaLogins(inside, schema))],
  };
}
