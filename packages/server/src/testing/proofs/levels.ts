import type { DatabaseLevel } from "@tenantry/contract";
import { createPools, type Database, openDatabase } from "@tenantry/data";
import type { AppSchema, BuiltDatabase, DatabaseServer } from "../../drivers/database/driver.ts";
import { createDatabaseDrivers } from "../../drivers/database/index.ts";
import { newId } from "../../kernel/index.ts";
import { testContext } from "../driver-context.ts";

type PostgresLevel = "database" | "dedicated" | "schema" | "shared";

/** An application's database at one level, and how one environment in it is reached by the data path. */
export type Home = {
  /** One environment; at the level `shared` each call makes another one in the same database. */
  open(): Promise<Database>;
  migrate(schema: AppSchema): Promise<void>;
  verify(): Promise<string[]>;
};

/** Builds homes at every level on one server. */
export function levelsOn(url: string) {
  const server: DatabaseServer = { id: newId(), url };
  const drivers = createDatabaseDrivers({ installationId: newId() });
  const pools = createPools({ budgets: () => 12 });

  function placed(level: DatabaseLevel, built: BuiltDatabase, environmentId: string, databaseId: string) {
    const key = built.sealKey;
    const placement = {
      environmentId,
      serverId: server.id,
      url: drivers[level]!.connectionUrl(server, built),
      generation: 1,
      level,
      ...(key !== undefined && { seal: { databaseId, environmentId, key, pooled: false } }),
    };
    return openDatabase({ pools, placement });
  }

  return {
    pools,
    /** The blueprint first: levels that want it at the same time would wait for each other. */
    async build(level: PostgresLevel, schema: AppSchema): Promise<Home> {
      const driver = drivers[level]!;
      const databaseId = newId();
      await driver.buildBlueprint(testContext(), { server, schema });
      await driver.prepare(testContext(), { server, schema });
      const database = await driver.build(testContext(), { server, databaseId, schema });
      return {
        async open() {
          const environmentId = newId();
          const place = { server, database, databaseId, appId: schema.appId, environmentId };
          await driver.sharing?.admit(testContext(), { ...place, sealKey: database.sealKey! });
          return placed(level, database, environmentId, databaseId);
        },
        async migrate(later) {
          await driver.migrate(testContext(), { server, database, schema: later });
        },
        verify: () => driver.verify(server, database),
      };
    },
    close: () => pools.close(),
  };
}
