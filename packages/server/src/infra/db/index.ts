export { sql } from "kysely";
export { createDb, type Db, type DbOptions, type Tx } from "./connection.ts";
export { connectDirect, type DirectConnection } from "./direct.ts";
export { ensureDatabase } from "./ensure-database.ts";
export { databaseErrorCode, isConnectionFailure, isUniqueViolation } from "./errors.ts";
export { migrate, registryMigrations, supportedSchema } from "./migrator.ts";
export { createNotifications, type Notifications } from "./notifications.ts";
export { bury, publish, type StreamName, streamVersion } from "./streams.ts";
export { inTransaction } from "./transaction.ts";
