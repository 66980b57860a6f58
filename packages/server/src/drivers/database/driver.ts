import type { DatabaseLevel } from "@tenantry/contract";
import type { DriverContext } from "../context.ts";
import type { Finding } from "./common/emit/finding.ts";
import type {
  AppMigration,
  AppSchema,
  BuildRequest,
  BuiltDatabase,
  ClosingPlace,
  DatabaseServer,
  MigrateRequest,
  OpenableDatabase,
  PhysicalDatabase,
  RowsPlace,
  SharedPlace,
} from "./places.ts";

export type { DriverContext } from "../context.ts";
export type { Finding } from "./common/emit/finding.ts";
export type * from "./places.ts";

/** Rows, and bytes of them, that were read or written. */
export type RowsTally = { tables: number; rows: number; bytes: number };

/** Where an archive goes. */
export type RowsSink = {
  /** Resolves when there is room for more: no more is read from the database before. */
  write(bytes: Uint8Array): Promise<void>;
  /** Told after each piece how far it is, and how many tables there are in all. */
  progress?(tally: RowsTally, tables: number): Promise<void>;
};

/** What an import took from an archive. */
export type ImportedRows = RowsTally & {
  /** What the rows show: of their server's transactions, as `pg_visible_in_snapshot` reads it; of a file, `FileScript.runId`s. */
  snapshot: string | null;
  runs?: string[];
};

/**
 * Databases of a server that are to have one schema, one after another. `lane` tells lanes of an operation apart that are
 * open at the same time.
 */
export type LaneRequest = {
  context: DriverContext;
  server: DatabaseServer;
  schema: AppSchema;
  lane: string;
  /** Told what each file did, where environments have databases of their own. It costs a few round trips. */
  onFile?: (report: FileReport) => void;
};

/** A table that was there before a file and that the file locked until its end, and whom that kept waiting. */
export type TableLock = { table: string; blocks: "writes" | "reads and writes"; rewritten: boolean };

/** What a file did; nothing is known of its locks where it runs without a transaction. */
export type FileReport = { name: string; transactional: boolean; tookMs: number; locks: TableLock[] };

/** Works on databases of a lane. */
export type InLane = <Result>(
  request: LaneRequest,
  work: (migrate: Migrate) => Promise<Result>,
) => Promise<Result>;

/** Migrates one database of a lane, as `DatabaseDriver.migrate` does. */
export type Migrate = (database: MigrateRequest["database"]) => Promise<{ applied: number }>;

/** What a level can do besides, when one database serves many environments. */
export type Sharing = {
  /**
   * Brings a seal that an earlier version of Tenantry has made up to date, while tenants are served. Answers whether it
   * was such a one; any other stays as it is. Takes back what the application's role has made its sessions begin with.
   * Repeatable, also beside itself.
   */
  renewSeal(
    context: DriverContext,
    request: { server: DatabaseServer; database: PhysicalDatabase },
  ): Promise<boolean>;

  /**
   * Puts another secret of the seal in the place of the one that stands: 32 bytes in base64. Tokens under the one before
   * are good for ten minutes more. Repeatable with the same; `isolation_unavailable` when the seal isn't whole.
   */
  rotateSecret(
    context: DriverContext,
    request: { server: DatabaseServer; database: PhysicalDatabase; databaseId: string; sealKey: string },
  ): Promise<void>;

  /** Gives an environment the rows that the migrations left. Repeatable. */
  admit(context: DriverContext, place: SharedPlace): Promise<void>;
  /**
   * Finds out whether `migrate` can bring a database to a schema, without touching it. Throws `isolation_unavailable`
   * with file and line for what can't be held, or would break the release that runs meanwhile; `migration_changed`.
   * Repeatable.
   */
  rehearse(context: DriverContext, request: MigrateRequest): Promise<void>;
  /**
   * About how many bytes the rows of environments take, by their UUIDs, as far as the server's statistics tell: those with
   * few may be missing, and all where nothing was counted yet, or where tables were in use when they were asked about. Throws `server_unreachable`.
   */
  sizes(server: DatabaseServer, database: PhysicalDatabase): Promise<Map<string, number>>;
  /** Removes all rows of an environment, in batches. Repeatable; a database that isn't there holds none. */
  dismiss(context: DriverContext, place: SharedPlace): Promise<void>;
};

/** Where a login leads: to one environment of a database. */
export type LoginPlace = {
  server: DatabaseServer;
  database: PhysicalDatabase;
  appId: string;
  environmentId: string;
};

/** A login for programs that don't use the SDK. Names are opaque, and never used again. */
export type Login = { roleName: string; password: string };

/** Whether a login is good at this time, and until when. */
export type LoginState = { open: boolean; until?: Date | undefined };

/**
 * Logins for programs of any kind: they reach one environment alone, whatever statements they send, and read and write
 * rows, no more. A login goes with its environment: `remove` of a database, and `dismiss`, take it along.
 */
export type Logins = {
  nameOf(loginId: string): string;

  /**
   * Makes a login that is closed yet. Repeatable: a second call gives it the password and the settings anew, and ends
   * its connections. The database must stand.
   */
  place(context: DriverContext, request: LoginPlace & { login: Login }): Promise<void>;

  /**
   * Opens or closes a login as `state` says, which is asked while nobody else changes this login; closing ends its
   * connections. A login that isn't there stays so.
   */
  align(
    context: DriverContext,
    request: { server: DatabaseServer; roleName: string; state(): Promise<LoginState> },
  ): Promise<void>;

  /** For any client that takes PostgreSQL's URLs. */
  url(server: DatabaseServer, database: PhysicalDatabase, login: Login): string;

  /** The schema in which the environment's tables are, for clients that put it before each name. */
  schemaOf(database: PhysicalDatabase): string;
};

/**
 * What stands in a database, each thing under its name, as properties in words: without rows, and equal for two databases
 * of one level with the same schema.
 */
export type SchemaForm = { readonly [object: string]: { readonly [property: string]: string } };

/** What of a database's schema isn't as it should be. */
export type Difference = {
  object: string;
  problem: "missing" | "unexpected" | "different";
  detail: string | null;
};

/** Statements for one environment, by the name under which people know them. */
export type Script = { name: string; sql: string };

export type FileScript = {
  server: DatabaseServer;
  database: OpenableDatabase;
  /** The same at a repetition, and never for anything else. */
  runId: string;
};

/** Scripts where nobody logs in. A file keeps which runs it has seen, so that each is committed once. */
export type FileScripts = {
  /**
   * Runs a script in one transaction; it reads and writes rows, no more. Repeatable: a run that was committed answers what
   * it had changed. Throws `script_failed` with line and column, and then nothing of it stays.
   */
  run(
    context: DriverContext,
    request: FileScript & { script: Script; dryRun: boolean },
  ): Promise<{ rowsChanged: number }>;
  /**
   * Puts starter data in, however much, in one transaction. Repeatable as `run` is. Throws `starter_data_failed` with file
   * and line, and then nothing of it stays.
   */
  seed(context: DriverContext, request: FileScript & Seed): Promise<{ rowsChanged: number }>;
  /** What a run that was committed had changed; undefined when it wasn't. */
  outcome(request: FileScript): Promise<{ rowsChanged: number } | undefined>;
};

/** Starter data for one environment. */
export type Seed = {
  /** Plain SQL: statements, and rows as `COPY … FROM stdin` has them. All of it is one transaction. */
  files: readonly { name: string; read(): AsyncIterable<Uint8Array> }[];
  /** What `{{ tenant.name }}` and the like stand for. */
  values: Readonly<Record<string, string | null>>;
  /** Told of each part that was read. */
  onRead(bytes: number): Promise<void>;
};

/** Something on a server that bears our names. */
export type PhysicalName = { kind: "database" | "role"; name: string };

/** How long a migration may take before it is ended; milliseconds. */
export type MigrationLimits = { statementTimeoutMs: number; lockTimeoutMs: number; fileTimeoutMs: number };

/**
 * One way to give an environment its database. Everything that changes a server is repeatable (a second call finds what
 * the first one left, whole or in part, and ends in the same state), declares what it makes before it makes it, and
 * leaves nothing behind when it is taken back with `remove`. Each call first ends whatever earlier holders of the same
 * operation still have open on the server, so that a zombie can't change anything later. A step may work on several
 * databases at once, but not twice on the same.
 */
export type DatabaseDriver = {
  readonly level: DatabaseLevel;
  /** Only where one database serves many environments. */
  readonly sharing?: Sharing;
  /** Only where programs can log in: not in a directory of files. */
  readonly logins?: Logins;
  /** Only there. */
  readonly fileScripts?: FileScripts;

  /**
   * The empty database that all others of this schema are made from, with every migration applied; nobody can connect
   * to it. Whoever comes second waits for the first. Throws `migration_failed` with file, line and column, and then
   * leaves nothing behind. Returns its physical name.
   */
  buildBlueprint(
    context: DriverContext,
    request: { server: DatabaseServer; schema: AppSchema },
  ): Promise<string>;

  /** How what an environment has will be called. */
  nameOf(database: { appId: string; databaseId: string }): PhysicalDatabase;

  /**
   * Sees to it that what databases of this schema share on the server, beside the blueprint, is there; the blueprint
   * must stand. Cheap when it is. Throws `isolation_unavailable`, naming what this level can't hold.
   */
  prepare(context: DriverContext, request: { server: DatabaseServer; schema: AppSchema }): Promise<void>;

  /**
   * One database, and the role that alone may connect to it: able to read and write rows, not to change the schema.
   * The blueprint must stand. Building again gives the role a new password. At the level `sqlite` an `encryptionKey` (32
   * bytes in base64) encrypts the file; whoever calls has kept it before, and gives the same one each time.
   */
  build(context: DriverContext, request: BuildRequest): Promise<BuiltDatabase>;

  /** The URL by which an application reaches its database, with the server's host and TLS parameters. */
  connectionUrl(server: DatabaseServer, database: BuiltDatabase): string;

  /**
   * Applies the migrations that the database doesn't have yet, one by one, each recorded in the transaction that applies
   * it. Throws `migration_failed`, or `migration_changed` when one that was applied reads differently now, or
   * `isolation_unavailable` for what the level can't hold.
   */
  migrate(
    context: DriverContext,
    request: MigrateRequest,
  ): Promise<{ applied: number; schemaVersion: number }>;

  /**
   * For many databases of one server, at the cost of few connections: what `migrate` prepares for one, a lane prepares
   * once. One at a time in a lane. After an error that isn't one of the file (`migration_failed`, `migration_changed`,
   * `isolation_unavailable`), end the lane. Only where environments have databases of their own.
   */
  readonly inLane?: InLane;

  /** Bytes on disk. */
  measure(server: DatabaseServer, database: PhysicalDatabase): Promise<number>;

  /** What is wrong with the database or its role, in sentences; empty when all is as `build` leaves it. */
  verify(server: DatabaseServer, database: OpenableDatabase): Promise<string[]>;

  /**
   * The database's schema as it stands, read with the rights of its own role; nothing of one that isn't there. Throws
   * `server_unreachable`.
   */
  readForm(server: DatabaseServer, database: BuiltDatabase & OpenableDatabase): Promise<SchemaForm>;

  /**
   * Writes all rows of one environment, and where its sequences stand, as an archive: one portable form for all levels
   * (`common/rows/archive.ts`), as of one moment, while the environment goes on. What it holds in memory doesn't depend on
   * how much there is. Nothing is changed; whoever migrates or leaves the database meanwhile waits, and who removes it
   * ends this. Throws `rows_not_portable`, naming what rows can't be taken along with (large objects, foreign tables,
   * policies of the application's that hide rows and can't be passed).
   */
  exportRows(context: DriverContext, place: RowsPlace, sink: RowsSink): Promise<RowsTally>;

  /**
   * Puts an archive's rows into an environment in place of all that it has: wholly or, when it throws or is interrupted,
   * not at all; repeatable, with an archive that is read anew. The application mustn't be using the environment. Triggers
   * don't fire, materialised views are filled, sequences go on where they stood. Throws `archive_damaged`,
   * `archive_mismatch` when the schema isn't the archive's, `rows_not_portable` with table and column for a value that the
   * level can't hold.
   */
  importRows(
    context: DriverContext,
    place: RowsPlace,
    archive: AsyncIterable<Uint8Array>,
  ): Promise<ImportedRows>;

  /**
   * Keeps an environment's application, and every login of it, from writing in its place, with the neighbours where it has
   * some untouched: who comes is refused, and what is under way is ended after a grace. When this returns nothing is
   * written there any more but by Tenantry, which still exports and imports, until `reopen`. Repeatable.
   */
  close(context: DriverContext, place: ClosingPlace): Promise<void>;

  /** Lets the environment's application in again. Repeatable; one that isn't closed stays open. */
  reopen(context: DriverContext, place: ClosingPlace): Promise<void>;

  /**
   * Lets the database's role log in with its password again: a role may give itself another one, and nobody can take
   * that right away. Ends the role's connections, since the other password may have opened some, and touches nobody
   * else's. Nothing happens while the password is right. Answers whether it wasn't; throws `server_unreachable`. Only
   * where there are roles.
   */
  repairLogin?(
    context: DriverContext,
    request: { server: DatabaseServer; database: BuiltDatabase },
  ): Promise<boolean>;

  /**
   * Tries migrations as the blueprint of an application that there isn't, and tells what each level doesn't hold of them
   * as it is. Nothing is left; when it was interrupted, a repetition or the removal of `nameOfTrial` sees to that. Throws
   * `migration_failed`. Only on a PostgreSQL: what `sqlite` doesn't hold is told there, too.
   */
  tryOut?(
    context: DriverContext,
    request: { server: DatabaseServer; migrations: readonly AppMigration[] },
  ): Promise<Finding[]>;

  /**
   * The same of a schema whose blueprint stands, and says nothing of a level that it can be built at. Only on a PostgreSQL.
   */
  findingsOf?(
    context: DriverContext,
    request: { server: DatabaseServer; schema: AppSchema },
  ): Promise<Finding[]>;

  /** How the database is called in which an operation tries migrations out. */
  nameOfTrial?(operationId: string, migrations: readonly AppMigration[]): string;

  /**
   * Removes one thing that this driver made: a database (with all connections to it, its role, and what a run of
   * migrations left), or a role. What isn't there counts as removed.
   */
  remove(context: DriverContext, request: { server: DatabaseServer; thing: PhysicalName }): Promise<void>;

  /** Everything on the server that this installation made and that a registry row should explain. */
  list(server: DatabaseServer): Promise<PhysicalName[]>;
};

/** The blueprint that a database was to be copied from isn't there any more. */
export class BlueprintGone extends Error {
  constructor(options?: { cause?: unknown }) {
    super("The blueprint isn't there any more.", options);
  }
}

/** A level on a PostgreSQL. */
export type PostgresDriver = DatabaseDriver &
  Required<Pick<DatabaseDriver, "logins" | "repairLogin" | "tryOut" | "findingsOf" | "nameOfTrial">>;

/** Whether a driver works on a PostgreSQL, where there are roles, logins and sessions. */
export const isPostgres = (driver: DatabaseDriver): driver is PostgresDriver => driver.level !== "sqlite";

/** Whether a server is a directory of files. */
export const isDirectory = ({ url }: Pick<DatabaseServer, "url">): boolean => url.startsWith("file:");

/** Whether what a driver makes can stand on a server. */
export const worksOn = (driver: DatabaseDriver, server: DatabaseServer): boolean =>
  isPostgres(driver) !== isDirectory(server);
