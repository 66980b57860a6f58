import type { MigrationPlace } from "../common/migrator.ts";
import { rolesOfSchema } from "../common/names.ts";
import { searchPathOf } from "./schemas.sql.ts";

/** Where an environment's migrations run: in its schema of the container, as that schema's owner. */
export function migrationPlace(container: string, schema: string): MigrationPlace {
  const { owner, migrator } = rolesOfSchema(schema);
  return {
    level: "schema",
    database: container,
    migrator,
    owner,
    ledger: schema,
    searchPath: searchPathOf(schema).replaceAll(" ", ""),
  };
}
