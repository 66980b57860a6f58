import type { DatabaseLevel } from "@tenantry/contract";
import type { DatabaseDriverOptions } from "./common/parts.ts";
import { createDatabaseDriver } from "./database/index.ts";
import { createDedicatedDriver } from "./dedicated/index.ts";
import type { DatabaseDriver } from "./driver.ts";
import { createSchemaDriver } from "./schema/index.ts";
import { createSharedDriver } from "./shared/index.ts";
import { createSqliteDriver } from "./sqlite/index.ts";
import type { SqliteOptions } from "./sqlite/parts.ts";

export { checkPooler } from "./common/check-pooler.ts";
export { checkServer, type ServerCheck } from "./common/check-server.ts";
export { connectAdvice } from "./common/connect-advice.ts";
export { refuseUnheld } from "./common/emit/unheld.ts";
export { compareForms, hashForm } from "./common/form/compare-forms.ts";
export { blueprintName } from "./common/names.ts";
export { openDatabases, protectDatabases } from "./common/protect.ts";
export { compareRows, createRowsPrinter, type RowsPrint } from "./common/rows/rows-print.ts";
export {
  readScript,
  removeLogin,
  runScript,
  type ScriptRun,
  transactionOutcome,
} from "./common/run-script.ts";
export { newPassword } from "./common/scram.ts";
export { seedData } from "./common/seed/seed-data.ts";
export { protectionOf } from "./common/tls.ts";
export { createWarmConnections } from "./common/warm-connections.ts";
export { createEmbeddedServers, type ServerDriver } from "./dedicated/servers.ts";
export {
  type AppMigration,
  type AppSchema,
  BlueprintGone,
  type BuiltDatabase,
  type ClosingPlace,
  type DatabaseDriver,
  type DatabaseServer,
  type Difference,
  type DriverContext,
  type FileReport,
  type FileScript,
  type FileScripts,
  type Finding,
  type ImportedRows,
  type InLane,
  isDirectory,
  isPostgres,
  type LoginPlace,
  type Logins,
  type Migrate,
  type MigrateRequest,
  type OpenableDatabase,
  type PhysicalName,
  type PostgresDriver,
  type RowsPlace,
  type RowsTally,
  type SchemaForm,
  type Script,
  type Seed,
  type SharedPlace,
  type Sharing,
  worksOn,
} from "./driver.ts";
export {
  databaseProbes,
  emptyTables,
  markDatabase,
  type ProbedDatabase,
  unmarkDatabase,
} from "./probes/index.ts";
export { openSqliteDirectory, type SqliteDirectory } from "./sqlite/directory.ts";

/** The levels that can be had here, each with its driver. */
export type DatabaseDrivers = { readonly [level in DatabaseLevel]?: DatabaseDriver };

export function createDatabaseDrivers({ ownerOf, ...options }: DatabaseDriverOptions & SqliteOptions) {
  // A limit is for the role of one environment; that of a shared database serves all its environments.
  const { connectionLimit: _ofOne, ...forAll } = options;
  return {
    database: createDatabaseDriver(options),
    schema: createSchemaDriver(options),
    shared: createSharedDriver(forAll),
    dedicated: createDedicatedDriver(forAll),
    sqlite: createSqliteDriver({ ownerOf }),
  } satisfies DatabaseDrivers;
}
