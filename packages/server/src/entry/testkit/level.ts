import type { RuntimeEnvironment } from "@tenantry/contract";
import type {
  AppSchema,
  BuiltDatabase,
  DatabaseDriver,
  DatabaseServer,
} from "../../drivers/database/index.ts";
import { showId } from "../../kernel/index.ts";

/** Where an environment that nobody owns yet has its database. */
export type Place = {
  environmentId: string;
  database: NonNullable<RuntimeEnvironment["database"]>;
  /** Lets the database's role log in again that gave itself another password. */
  repair(): Promise<unknown>;
  /** Gives it up, once. */
  discard(): Promise<void>;
  /** How many there is room for that wait to be removed. */
  mostWaiting: number;
};

/** One database level with one application's migrations. */
export type Level = { make(): Promise<Place> };

export type Ground = {
  server: DatabaseServer;
  driver: DatabaseDriver;
  schema: AppSchema;
  signal: AbortSignal;
  /** Told of a database that stays while there are environments. */
  stays(name: string): void;
};

/** How an application's process reaches a database. */
export function location({ driver, server }: Ground, database: BuiltDatabase): Place["database"] {
  return {
    level: driver.level,
    serverId: showId("srv", server.id),
    url: driver.connectionUrl(server, database),
    generation: 1,
  };
}
