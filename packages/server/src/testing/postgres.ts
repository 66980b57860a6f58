import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { createDb, type Db, sql } from "../infra/db/index.ts";
import { freePort } from "../infra/postgres-process/free-port.ts";
import { giveTo } from "../infra/postgres-process/initialise.ts";
import { becomesReady, launchPostmaster, postmasterArguments } from "../infra/postgres-process/postmaster.ts";
import type { Postmaster } from "../infra/postgres-process/processes.ts";
import { type ClusterTemplate, clusterTemplate } from "./cluster-template.ts";

export type TestPostgres = {
  /** The superuser's URL to the database `postgres`. */
  url: string;
  port: number;
  /** Makes a fresh, empty database and returns the superuser's URL to it. */
  createDatabase(name?: string): Promise<string>;
  /** Ends the server and removes its files. Repeatable. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/**
 * A PostgreSQL of this test's own, on a free port of 127.0.0.1, in about 100 ms: a copy of a cluster that is made once
 * per machine, in memory where there is enough. Commits aren't flushed to disk. It ends with `stop()`,
 * with `await using`, and at the latest when the thread that asked for it ends, however it ends.
 */
export async function testPostgres(
  options: { settings?: Record<string, string> } = {},
): Promise<TestPostgres> {
  const template = await clusterTemplate();
  const parent = path.dirname(template.directory);
  await removeAbandoned(parent);
  const directory = await mkdtemp(path.join(parent, `${directoryPrefix}${process.pid}-`));
  const cluster = path.join(directory, "cluster");
  await giveTo(template.identity, directory);
  await promisify(execFile)("cp", [
    "-a",
    "--reflink=auto",
    path.join(template.directory, "cluster"),
    cluster,
  ]);
  const { postmaster, port } = await launch(template, cluster, { ...quickSettings, ...options.settings });
  return handle(postmaster, directory, `postgres://postgres:${template.password}@127.0.0.1:${port}`, port);
}

const directoryPrefix = "tenantry-test-postgres-";

/** Bounds as servers of ours have them, low enough for tests to reach them. */
export const memoryOfBackends = 512 * 1024 ** 2;
export const temporaryFiles = "256MB";

const quickSettings: Record<string, string> = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  autovacuum: "off",
  shared_buffers: "32MB",
  max_connections: "100",
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  dynamic_shared_memory_type: "mmap",
  jit: "off",
  temp_file_limit: temporaryFiles,
};

function handle(postmaster: Postmaster, directory: string, base: string, port: number): TestPostgres {
  const url = `${base}/postgres`;
  let administration: Db | undefined;
  let stopping: Promise<void> | undefined;

  async function end(): Promise<void> {
    await administration?.destroy();
    if (!postmaster.isGone()) process.kill(postmaster.pid, "SIGQUIT");
    await postmaster.exited;
    await rm(directory, { recursive: true, force: true });
  }
  function stop(): Promise<void> {
    stopping ??= end();
    return stopping;
  }
  async function createDatabase(
    name = `test_${randomUUID().replaceAll("-", "").slice(0, 12)}`,
  ): Promise<string> {
    administration ??= createDb({ url, applicationName: "tenantry tests", maxConnections: 4 });
    await sql`create database ${sql.id(name)} strategy file_copy`.execute(administration);
    return `${base}/${name}`;
  }
  return { url, port, createDatabase, stop, [Symbol.asyncDispose]: stop };
}

/** Another test may take the port between our look and the server's; then the next one is tried. */
async function launch(
  { binaries, identity, environment }: ClusterTemplate,
  cluster: string,
  settings: Record<string, string>,
): Promise<{ postmaster: Postmaster; port: number }> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const port = await freePort("127.0.0.1");
    const postmaster = await launchPostmaster({
      program: binaries.postgres,
      args: postmasterArguments(cluster, { ...settings, port: String(port) }),
      ...{ identity, environment },
      output: "ignore",
      onParentDeath: "QUIT",
      memoryBytes: memoryOfBackends,
    });
    if (await becomesReady(postmaster, cluster)) return { postmaster, port };
  }
  throw new Error("The test server didn't start in ten attempts.");
}

/** A killed test run leaves its files; the next one to come along clears them. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = Number(name.match(/^tenantry-test-postgres-(\d+)-/)?.[1]);
    if (!Number.isInteger(pid) || existsSync(`/proc/${pid}`)) continue;
    const abandoned = path.join(parent, name);
    await rm(abandoned, { recursive: true, force: true }).catch((error: NodeJS.ErrnoException) => {
      // Another user's, or cleared by another test at this moment.
      if (error.code !== "EACCES" && error.code !== "EPERM" && error.code !== "ENOTEMPTY") throw error;
    });
  }
}
