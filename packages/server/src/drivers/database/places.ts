/**
 * Where databases are made: a PostgreSQL, whose `url` logs in with the right to make databases and roles, or a directory
 * of SQLite files (`file:///…`). Applications go by the address of a pooler in transaction mode, where there is one.
 */
export type DatabaseServer = { id: string; url: string; poolerUrl?: string | undefined };

/**
 * A database as it physically stands. Names are opaque, made from ids, and never change. Where nobody logs in, in a
 * directory of files, there is no role.
 */
export type PhysicalDatabase = { name: string; roleName: string | null };

export type BuiltDatabase = PhysicalDatabase & {
  /** Of the environment's role, made anew by every build: keep it only as ciphertext. None without a role. */
  password: string | null;
  /** Where many environments share the database: the secret of its seal, 32 bytes in base64, made and kept alike. */
  sealKey?: string;
};

/** One environment of a database that many share. */
export type SharedPlace = {
  server: DatabaseServer;
  database: PhysicalDatabase;
  databaseId: string;
  appId: string;
  environmentId: string;
  sealKey: string;
};

/** A database, with what it takes to read it where it is encrypted: a file at the level `sqlite`. */
export type OpenableDatabase = PhysicalDatabase & { encryptionKey?: string | undefined };

/** One file of an application's migrations. Ordinals count from 1 without gaps. */
export type AppMigration = { ordinal: number; name: string; sql: string; checksum: string };

/** An application at one state of its schema: all of its migrations up to there, in order. */
export type AppSchema = { appId: string; migrations: readonly AppMigration[] };

/** A database, and the schema that it is to have. */
export type MigrateRequest = {
  server: DatabaseServer;
  /** With its seal's key where environments share it: their rows are written as theirs. */
  database: OpenableDatabase & { sealKey?: string };
  schema: AppSchema;
};

export type BuildRequest = {
  server: DatabaseServer;
  databaseId: string;
  schema: AppSchema;
  encryptionKey?: string | undefined;
};

/** The rows of one environment, wherever they stand, and the schema that they have there. */
export type RowsPlace = {
  server: DatabaseServer;
  /** With its seal's key where environments share it. */
  database: OpenableDatabase & { sealKey?: string };
  databaseId: string;
  environmentId: string;
  schema: AppSchema;
};

/** One environment's place that is to be closed to it, or opened again. */
export type ClosingPlace = Pick<RowsPlace, "server" | "database" | "databaseId" | "environmentId"> & {
  /** So long may what was begun go on before it is ended; milliseconds. */
  graceMs: number;
};
