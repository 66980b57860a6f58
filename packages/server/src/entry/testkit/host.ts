import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import path from "node:path";
import {
  createDatabaseDrivers,
  createWarmConnections,
  openSqliteDirectory,
  protectDatabases,
} from "../../drivers/database/index.ts";
import { createFsStorageDriver } from "../../drivers/storage/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { removeCluster, startEmbeddedPostgres } from "../../infra/postgres-process/index.ts";
import { newId } from "../../kernel/index.ts";
import { createGrounds } from "./grounds.ts";
import { createRemovals } from "./removals.ts";
import { createTenancy, type Tenancy } from "./tenancy.ts";

/** Throw-away tenants for the tests of applications: real places by the real drivers, without a registry. */
export type Host = {
  readonly tenancy: Tenancy;
  /** The UUID under which the database server is known. */
  readonly serverId: string;
  /** How many backends a process may hold now. */
  backendsPerProcess(): number;
  /** Places of tenants that are gone, and still to be removed. */
  toRemove(): number;
  /** Resolves when the database server has ended, by `stop` or by itself. */
  exited: Promise<unknown>;
  /** Ends the database server, and removes everything. */
  stop(): Promise<void>;
};

const maxConnections = 300;
/** A fifth is PostgreSQL's reserve for superusers, which the drivers are. */
const forApplications = 240;
const mostPerProcess = 20;

/** Starts in a directory that is this process's alone. What a host that was killed left there is removed first. */
export async function startHost({ directory, log }: { directory: string; log: Log }): Promise<Host> {
  const dataDir = path.join(directory, "postgres");
  const root = path.join(directory, "files");
  const sqliteRoot = path.join(directory, "sqlite");
  const removeAll = async () => {
    await removeCluster(dataDir);
    for (const files of [root, sqliteRoot]) await rm(files, { recursive: true, force: true });
  };
  await removeAll();
  const postgres = await startEmbeddedPostgres({ dataDir, log, maxConnections, throwAway: true });
  const server = { id: newId(), url: postgres.url };
  await protectDatabases(server, "all");
  const sqlite = openSqliteDirectory(sqliteRoot);
  const sqliteServer = { id: newId(), url: sqlite.url };
  await sqlite.claim(sqliteServer.id);

  const closing = new AbortController();
  const { signal } = closing;
  const removals = createRemovals({ log, signal });
  const staying = new Set<string>([new URL(server.url).pathname.slice(1)]);
  const warm = createWarmConnections({ isKept: (name) => staying.has(name) });
  const drivers = createDatabaseDrivers({ installationId: newId(), connect: warm.connect });
  const stays = (name: string) => staying.add(name);
  const grounds = createGrounds({ server, directory: sqliteServer, drivers, removals, log, signal, stays });
  const secret = randomBytes(32).toString("base64url");
  const files = createFsStorageDriver({ root, signingKeyOf: (name) => `${secret}${name}`, durable: false });
  const tenancy = createTenancy({ grounds, files, removals, signal });

  return {
    tenancy,
    serverId: server.id,
    backendsPerProcess() {
      const processes = tenancy.members().reduce((sum, member) => sum + member.processes(), 0);
      return Math.min(mostPerProcess, Math.max(1, Math.floor(forApplications / Math.max(1, processes))));
    },
    toRemove: () => removals.left(),
    exited: postgres.exited,
    async stop() {
      closing.abort(new Error("The test kit's host is stopping."));
      await warm.close();
      await postgres.stop({ timeoutMs: 0 });
      await removeAll();
    },
  };
}
