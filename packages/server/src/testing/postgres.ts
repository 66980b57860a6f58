import { execFile } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { createDb, type Db, sql } from "../infra/db/index.ts";
import { type Binaries, linkLibraries, locateBinaries } from "../infra/postgres-process/binaries.ts";
import { freePort } from "../infra/postgres-process/free-port.ts";
import { directIdentity, type Identity, mappedIdentity } from "../infra/postgres-process/identity.ts";
import { initialiseCluster } from "../infra/postgres-process/initialise.ts";
import { type Launched, launchPostmaster, readyOrGone } from "../infra/postgres-process/postmaster.ts";

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
 * A PostgreSQL of this test's own, on a free port of 127.0.0.1, in about 150 ms: a copy of a cluster that is made once
 * per machine and kept below the system's temporary directory. Commits aren't flushed to disk. It ends with `stop()`,
 * with `await using`, and at the latest when the process that asked for it dies, however it dies.
 */
export async function testPostgres(
  options: { settings?: Record<string, string> } = {},
): Promise<TestPostgres> {
  const binaries = locateBinaries();
  const identity = process.getuid?.() === 0 ? mappedIdentity() : directIdentity;
  const template = await clusterTemplate(binaries, identity);
  await removeAbandoned();
  const directory = await mkdtemp(path.join(tmpdir(), `${directoryPrefix}${process.pid}-`));
  const cluster = path.join(directory, "cluster");
  await promisify(execFile)("cp", ["-a", "--reflink=auto", path.join(template, "cluster"), cluster]);
  const password = (await readFile(path.join(template, "password"), "utf8")).trim();
  const environment = await linkLibraries(binaries, path.join(template, "lib"));
  const { launched, port } = await launch(
    { binaries, identity, environment, cluster },
    { ...quickSettings, ...options.settings },
  );
  return handle(launched, directory, `postgres://postgres:${password}@127.0.0.1:${port}`, port);
}

const directoryPrefix = "tenantry-test-postgres-";

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
};

function handle(launched: Launched, directory: string, base: string, port: number): TestPostgres {
  const url = `${base}/postgres`;
  let administration: Db | undefined;
  let stopping: Promise<void> | undefined;

  async function end(): Promise<void> {
    await administration?.destroy();
    launched.process.kill("SIGQUIT");
    await launched.exited;
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

type Place = { binaries: Binaries; identity: Identity; environment: Record<string, string>; cluster: string };

/** Another test may take the port between our look and the server's; then the next one is tried. */
async function launch(
  place: Place,
  settings: Record<string, string>,
): Promise<{ launched: Launched; port: number }> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const port = await freePort("127.0.0.1");
    const launched = await launchPostmaster({
      ...place,
      settings: { ...settings, port: String(port) },
      output: "ignore",
      signalOnParentDeath: "QUIT",
    });
    if ((await readyOrGone(launched, place.cluster)) === "ready") return { launched, port };
  }
  throw new Error("The test server didn't start in ten attempts.");
}

/** The cluster that test servers are copies of. Whoever comes first makes it; a loser of the race throws its own away. */
async function clusterTemplate(binaries: Binaries, identity: Identity): Promise<string> {
  const name = `tenantry-test-template-${binaries.packageVersion}-${userInfo().uid}`;
  const template = path.join(tmpdir(), name);
  if (existsSync(template)) return template;
  const draft = await mkdtemp(`${template}-`);
  await mkdir(path.join(draft, "lib"));
  const passwordFile = path.join(draft, "password");
  await writeFile(passwordFile, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
  await initialiseCluster(binaries, path.join(draft, "cluster"), passwordFile, {
    identity,
    environment: await linkLibraries(binaries, path.join(draft, "lib")),
    durable: false,
    walSegmentMegabytes: 1,
  });
  await rename(draft, template).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    await rm(draft, { recursive: true, force: true });
  });
  return template;
}

/** A killed test run leaves its files; the next one to come along clears them. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(name.match(/^tenantry-test-postgres-(\d+)-/)?.[1]);
    if (!Number.isInteger(pid) || existsSync(`/proc/${pid}`)) continue;
    await rm(path.join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
}
