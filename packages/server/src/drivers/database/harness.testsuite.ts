import { createHash } from "node:crypto";
import pg from "pg";
import type {
  AppSchema,
  BuiltDatabase,
  DatabaseDriver,
  DatabaseServer,
  DriverContext,
  PostgresDriver,
} from "./driver.ts";

/** A level on a PostgreSQL, to be tried. */
export type PostgresHarness = {
  driver: PostgresDriver;
  server: DatabaseServer;
  close(): Promise<void>;
  environment?: DatabaseDriverHarness["environment"];
};

export type DatabaseDriverHarness = {
  driver: DatabaseDriver;
  server: DatabaseServer;
  close(): Promise<void>;
  /** Runs statements as the environment's application does, and answers the last one's rows. */
  run(built: BuiltDatabase, statements: readonly string[]): Promise<Record<string, unknown>[]>;
  /** Opens a database as its application does, until it is disposed of. */
  connect(built: BuiltDatabase): Promise<AsyncDisposable>;
  /** What is said of a column `wrong` in line 3 of 0002.sql. */
  noSuchColumn: string;
  /** Where a database serves several environments: how one of them is reached. */
  environment?: {
    /** Prepares the one environment of the test in a database that was just built. */
    open(context: DriverContext, built: BuiltDatabase, databaseId: string, schema: AppSchema): Promise<void>;
    /** Which environment that is. */
    idOf(built: BuiltDatabase): string;
    /** Takes it out of the database again. */
    close(context: DriverContext, built: BuiltDatabase): Promise<void>;
    /** Runs statements in it as its application does, and answers the last one's rows. */
    run(built: BuiltDatabase, statements: readonly string[]): Promise<pg.QueryResultRow[]>;
  };
};

/** A schema of an app from texts of migrations; the files are called 0001.sql and on. */
export function schemaOf(appId: string, ...files: string[]): AppSchema {
  const migrations = files.map((sql, index) => ({
    ordinal: index + 1,
    name: `${String(index + 1).padStart(4, "0")}.sql`,
    sql,
    checksum: createHash("sha256").update(sql).digest("hex"),
  }));
  return { appId, migrations };
}

/** How applications get at a database on a PostgreSQL. */
export const byConnection = (driver: DatabaseDriver, server: DatabaseServer) => ({
  run: (built: BuiltDatabase, statements: readonly string[]) =>
    runAt(driver.connectionUrl(server, built), ...statements),
  async connect(built: BuiltDatabase): Promise<AsyncDisposable> {
    const client = new pg.Client({ connectionString: driver.connectionUrl(server, built) });
    client.on("error", () => undefined);
    await client.connect();
    return { [Symbol.asyncDispose]: () => client.end() };
  },
  noSuchColumn: '0002.sql, line 3, column 22: column "wrong" of relation "notes" does not exist.',
});

/** Runs statements over a URL, one connection for all, and answers the last one's rows. */
export async function runAt<Row extends pg.QueryResultRow = pg.QueryResultRow>(
  url: string,
  ...statements: string[]
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    let rows: Row[] = [];
    for (const statement of statements) rows = (await client.query<Row>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

/** As every level holds it. */
export const portableNotes = `
  create table notes (body text not null primary key, mood text not null default 'fine');
  create view fine_notes as select * from notes where mood = 'fine';
  insert into notes (body) values ('from the migration');`;

/** What nobody may who reads and writes rows of `notes`. */
export const refusedToWriters: readonly string[] = [
  "create table mine (id int)",
  "create schema mine",
  "alter table notes add column mine int",
  "drop table notes",
  "truncate notes",
  "create temporary table mine (id int)",
  "create role mine",
  "create database mine",
];

/** With what PostgreSQL alone has. */
export const notes = `
  create type mood as enum ('fine', 'tired');
  create table notes (id serial primary key, body text not null, mood mood not null default 'fine');
  create view fine_notes as select * from notes where mood = 'fine';
  create function note_count() returns bigint language sql as 'select count(*) from notes';
  insert into notes (body) values ('from the migration');`;
