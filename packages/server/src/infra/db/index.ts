export { sql } from "kysely";
export { removeInBatches } from "./batches.ts";
export { checkConnection } from "./check.sql.ts";
export { createDb, type Db, type Tx } from "./connection.ts";
export { connectDirect, type DirectConnection } from "./direct.ts";
export { ensureDatabase } from "./ensure-database.ts";
export { databaseErrorCode, isConnectionFailure, isUniqueViolation } from "./errors.ts";
export { migrate, registryMigrations, supportedSchema } from "./migrator.ts";
export { createNotifications, type Notifications } from "./notifications.ts";
export {
  bury,
  forgetTombstones,
  forgottenVersion,
  publish,
  streamVersion,
} from "./streams.ts";
export { inTransaction } from "./transaction.ts";
export { createVersionWatch, type VersionWatch } from "./version-watch.ts";
