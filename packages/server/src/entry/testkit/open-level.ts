import type { DatabaseLevel } from "@tenantry/contract";
import { newId } from "../../kernel/index.ts";
import { workContext } from "./context.ts";
import { type Ground, type Level, location } from "./level.ts";
import { sharedLevel } from "./shared-level.ts";

/** Some megabytes each, some relations each, or a file. */
const mostWaiting: Partial<Record<DatabaseLevel, number>> = { database: 64, schema: 200, sqlite: 200 };

/**
 * Applies the migrations as an installation does, and answers what makes places with them. Throws `migration_failed`
 * with file and line, or `isolation_unavailable` for what the level can't hold.
 */
export async function openLevel(ground: Ground): Promise<Level> {
  const { server, driver, schema } = ground;
  await driver.buildBlueprint(workContext(ground.signal), { server, schema });
  await driver.prepare(workContext(ground.signal), { server, schema });
  return driver.sharing ? sharedLevel(ground, driver.sharing) : ownLevel(ground);
}

/** Each environment has a database, a schema or a file of its own. */
function ownLevel(ground: Ground): Level {
  const { server, driver, schema, signal } = ground;
  return {
    async make() {
      const database = await driver.build(workContext(signal), { server, schema, databaseId: newId() });
      const thing = { kind: "database", name: database.name } as const;
      return {
        environmentId: newId(),
        database: location(ground, database),
        repair: async () => driver.repairLogin?.(workContext(signal), { server, database }),
        discard: () => driver.remove(workContext(signal), { server, thing }),
        mostWaiting: mostWaiting[driver.level]!,
      };
    },
  };
}
