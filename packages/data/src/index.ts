/**
 * The data path: what an application's process (through the SDK) and the server's drivers use to reach one
 * environment's files, cache and database.
 */
export { bytesOf } from "./bytes.ts";
export type { Cache, CacheOptions, TenantCache } from "./cache/cache.ts";
export { checkGlobalName } from "./cache/check.ts";
export { openMemoryCache } from "./cache/memory.ts";
export { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from "./cache/memory-store.ts";
export { parseRedisUrl, type RedisAddress, redisUrl } from "./cache/redis/address.ts";
export { IdentityRefused, type RedisCommand, type RedisReply } from "./cache/redis/connection.ts";
export { createRedisConnections, type RedisConnections } from "./cache/redis/connections.ts";
export {
  createRedisCaches,
  type RedisCachePlace,
  type RedisCaches,
  type RedisCachesOptions,
} from "./cache/redis/index.ts";
export {
  type Database,
  type DatabaseOptions,
  openDatabase,
  type QueryOptions,
  type QueryRows,
  type RowForm,
  type Transaction,
  type TransactionOptions,
} from "./database/index.ts";
export * from "./errors.ts";
export { type JobKey, type JobOwner, openJob, type SealedJob, sealJob } from "./jobs/sealed-job.ts";
export { type TenantClient, TenantPool } from "./pg-shaped/tenant-pool.ts";
export {
  createPools,
  type DatabasePlacement,
  type Lease,
  type PoolStats,
  type Pools,
  type PoolsOptions,
  sendCancelRequest,
} from "./pools/index.ts";
export { mintSealToken, type SealClaims, sealTokenSeconds } from "./seal/token.ts";
export {
  copyLine,
  createSqliteHandles,
  EncryptionKeyRefused,
  emptySqliteSchema,
  heldField,
  MigrationNotPortable,
  openSqlite,
  type PortableTable,
  portableTables,
  type SqliteDatabase,
  type SqliteFile,
  type SqliteFinding,
  type SqliteHandles,
  type SqliteHandlesOptions,
  type SqlitePlace,
  type SqlitePlacement,
  type SqliteSchema,
  type SqliteValue,
  sqlitePath,
  type TranslatedMigration,
  translateMigration,
} from "./sqlite/index.ts";
export {
  openFsStorage,
  readSigned,
  removeFsStorage,
  removingSuffix,
  signedFilesPath,
  tidyFsStorage,
} from "./storage/fs/index.ts";
export { isKey } from "./storage/key.ts";
export {
  abandonS3Uploads,
  copyS3Object,
  createS3KeySource,
  emptyS3Storage,
  longestKeysSeconds,
  meansS3,
  openS3Storage,
  type S3Address,
  type S3KeySource,
  type S3Keys,
  type S3Place,
  type S3Reach,
  s3ClientOf,
  shortestKeysSeconds,
  type TemporaryS3Keys,
} from "./storage/s3/index.ts";
export type { SignDownloadOptions, SignedRequest, SignUploadOptions } from "./storage/signed.ts";
export type {
  ByteRange,
  GetOptions,
  ListedObject,
  ListOptions,
  ObjectContent,
  ObjectPage,
  PutOptions,
  Storage,
  StorageBody,
  StorageUsage,
  StoredObject,
} from "./storage/storage.ts";
