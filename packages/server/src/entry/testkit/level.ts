import type { RuntimeEnvironment } from "@tenantry/contract";
import type {
  AppSchema,
  BuiltDatabase,
  DatabaseDriver,
  DatabaseServer,
} from "../../drivers/database/index.ts";
import { newId, showId } from "../../kernel/index.ts";
import { workContext } from "./context.ts";

/** Where an environment that nobody owns yet has its database. */
export type Place = {
  environmentId: string;
  database: NonNullable<RuntimeEnvironment["database"]>;
  /** Lets the database's role log in again that gave itself another password. */
  repair(): Promise<unknown>;
  /** Removes what `make` made. Repeatable. */
  discard(): Promise<void>;
};

/** One database level with one application's migrations. */
export type Level = { make(): Promise<Place> };

type Ground = { server: DatabaseServer; driver: DatabaseDriver; schema: AppSchema; signal: AbortSignal };

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

/** Each environment has a database, or a schema, of its own. */
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
      };
    },
  };
}

/** One database for all environments, made here and now. */
async function sharedLevel(ground: Ground, sharing: NonNullable<DatabaseDriver["sharing"]>): Promise<Level> {
  const { server, driver, schema, signal } = ground;
  const databaseId = newId();
  const database = await driver.build(workContext(signal), { server, schema, databaseId });
  const sealKey = database.sealKey!;
  return {
    async make() {
      const environmentId = newId();
      const place = { server, database, databaseId, appId: schema.appId, environmentId, sealKey };
      await sharing.admit(workContext(signal), place);
      return {
        environmentId,
        database: {
          ...location(ground, database),
          seal: { databaseId, environmentId, key: sealKey, pooled: false },
        },
        repair: async () => driver.repairLogin?.(workContext(signal), { server, database }),
        discard: () => sharing.dismiss(workContext(signal), place),
      };
    },
  };
}

function location({ driver, server }: Ground, database: BuiltDatabase): Place["database"] {
  return {
    level: driver.level,
    serverId: showId("srv", server.id),
    url: driver.connectionUrl(server, database),
    generation: 1,
  };
}
