import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { expect } from "vitest";
import { readArchive } from "../drivers/database/common/rows/archive.ts";
import {
  type AppSchema,
  type DatabaseDriver,
  isPostgres,
  type PostgresDriver,
  type RowsPlace,
} from "../drivers/database/driver.ts";
import { createDatabaseDrivers, openSqliteDirectory } from "../drivers/database/index.ts";
import { newId } from "../kernel/index.ts";
import type { TestServer } from "./database-servers.ts";
import { testContext } from "./driver-context.ts";
import { playInFile, playScript } from "./play-script.ts";

/** The levels of PostgreSQL between which rows go; `dedicated` is as `database`. */
export const portable = ["database", "schema", "shared"] as const;
type Level = (typeof portable)[number] | "sqlite";

export type Stand = Awaited<ReturnType<typeof openStand>>;

type AnyBuilt = { driver: DatabaseDriver; place: RowsPlace };

async function take({ driver, place }: AnyBuilt): Promise<Buffer[]> {
  const archive: Buffer[] = [];
  const write = async (bytes: Uint8Array) => void archive.push(Buffer.from(bytes));
  await driver.exportRows(testContext(), place, { write });
  return archive;
}

/** Nothing may be left of how it was done, whether or not it succeeds. */
async function put({ driver, place }: AnyBuilt, archive: readonly Uint8Array[], context = testContext()) {
  try {
    return await driver.importRows(context, place, stream(archive));
  } finally {
    expect(context.resources()).toEqual([]);
  }
}

/** Connects as a program of the environment does. */
async function withClient<Result>(
  { driver, place }: { driver: PostgresDriver; place: RowsPlace },
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const { server } = place;
  const login = { roleName: driver.logins.nameOf(newId()), password: "secret" };
  const { database, environmentId, schema } = place;
  await driver.logins.place(testContext(), { server, database, appId: schema.appId, environmentId, login });
  const state = () => Promise.resolve({ open: true });
  await driver.logins.align(testContext(), { server, roleName: login.roleName, state });
  const client = new pg.Client({ connectionString: driver.logins.url(server, database, login) });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
    await driver.remove(testContext(), { server, thing: { kind: "role", name: login.roleName } });
  }
}

/** A server with all levels, on which environments are made, reached and copied. */
export async function openStand(open: () => Promise<TestServer>) {
  const postgres = await open();
  const postgresServer = { id: newId(), url: postgres.url };
  const drivers = createDatabaseDrivers({ installationId: newId() });
  const { files, removeFiles } = await openFiles();

  async function build<Wanted extends Level>(level: Wanted, schema: AppSchema, encryptionKey?: string) {
    const driver = drivers[level]! as Wanted extends "sqlite" ? DatabaseDriver : PostgresDriver;
    const server = level === "sqlite" ? files : postgresServer;
    const context = testContext();
    await driver.buildBlueprint(context, { server, schema });
    await driver.prepare(context, { server, schema });
    const [databaseId, environmentId] = [newId(), newId()];
    const made = await driver.build(context, { server, databaseId, schema, encryptionKey });
    const database = { ...made, encryptionKey };
    const place: RowsPlace = { server, database, databaseId, environmentId, schema };
    if (driver.sharing) await join(driver, place);
    return { driver, place, database };
  }
  type Built = Omit<Awaited<ReturnType<typeof build<"database">>>, "driver"> & { driver: DatabaseDriver };

  async function join(driver: DatabaseDriver, place: RowsPlace): Promise<void> {
    const { appId } = place.schema;
    const { sealKey } = place.database;
    await driver.sharing!.admit(testContext(), { ...place, appId, sealKey: sealKey! });
  }

  /** Another environment of the same application: in the same database where they share one. */
  async function neighbourOf(one: Built): Promise<Built> {
    const { level, sharing } = one.driver;
    if (!sharing) return build(level as Level, one.place.schema);
    const neighbour = { ...one, place: { ...one.place, environmentId: newId() } };
    await join(one.driver, neighbour.place);
    return neighbour;
  }

  function play({ driver, place }: Built, script: readonly string[]) {
    if (isPostgres(driver))
      return withClient({ driver, place }, (client) => playScript((text) => client.query(text), script));
    const { encryptionKey } = place.database;
    const file = fileURLToPath(driver.connectionUrl(place.server, { ...place.database, password: null }));
    return playInFile({ file, encryptionKey }, script);
  }

  async function close(): Promise<void> {
    await postgres.stop();
    await removeFiles();
  }

  const asSuperuser = (statement: string) => runOnce(postgres.superuserUrl, statement);
  return { postgres, server: postgresServer, close, build, neighbourOf, play, take, put, asSuperuser };
}

async function runOnce(connectionString: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(statement);
  await client.end();
}

/** A directory of files as a server. */
async function openFiles() {
  const root = await mkdtemp(path.join(tmpdir(), "tenantry-rows-"));
  const directory = openSqliteDirectory(path.join(root, "files"));
  const files = { id: await directory.claim(newId()), url: directory.url };
  return { files, removeFiles: () => rm(root, { recursive: true, force: true }) };
}

async function* stream(archive: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* archive;
}

/** What an archive says, without when it was taken; rows in an order of their own. */
export async function contentOf(archive: readonly Uint8Array[]) {
  const tables: Record<string, string[]> = {};
  let names: string[] = [];
  let sequences: unknown;
  for await (const piece of readArchive(stream(archive))) {
    if (piece.kind === "header") {
      names = piece.header.tables.map(({ name }) => name);
      for (const name of names) tables[name] = [];
      ({ sequences } = piece.header);
    }
    if (piece.kind === "rows")
      tables[names[piece.table]!]!.push(...piece.data.toString().split("\n").slice(0, -1));
  }
  const sorted = Object.entries(tables).map(([name, rows]) => [name, rows.sort()] as const);
  return { tables: Object.fromEntries(sorted.sort(([a], [b]) => (a < b ? -1 : 1))), sequences };
}
