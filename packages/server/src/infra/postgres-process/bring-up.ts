import { existsSync } from "node:fs";
import { chown, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { StartRefused } from "../../kernel/index.ts";
import type { Log } from "../log/index.ts";
import { boundsOf } from "./bounds.ts";
import { findExisting, whyUnfit } from "./existing.ts";
import { initialiseCluster } from "./initialise.ts";
import { ensurePassword, resetPassword } from "./password.ts";
import { choosePlace, type Place, type PlaceOptions } from "./place.ts";
import { stopPostmaster } from "./postmaster.ts";
import { serverSettings, socketDirectoryIn } from "./settings.ts";
import { type Started, type StartOptions, startServer } from "./start.ts";

export type BringUpOptions = PlaceOptions & {
  log: Pick<Log, "info" | "warn">;
  port: number;
  maxConnections: number;
  settings?: Record<string, string>;
  throwAway?: boolean;
  signal?: AbortSignal;
};

export type Up = Started & {
  place: Place;
  password: string;
  socketDirectory: string | undefined;
  logFile: string;
  adopted: boolean;
};

/** Makes the cluster if there is none, then adopts its server or starts one. Needs the data directory's lock. */
export async function bringUp(options: BringUpOptions): Promise<Up> {
  const { dataDir, log } = options;
  const passwordFile = path.join(dataDir, "password");
  const place = await choosePlace(options);
  const clusterIsThere = existsSync(place.cluster);
  const passwordIsLost = clusterIsThere && !existsSync(passwordFile);
  const password = await ensurePassword(passwordFile);
  if (clusterIsThere) await refuseOtherVersion(place);
  else await makeCluster(place, passwordFile, options);
  if (passwordIsLost) await replacePassword(place, password, log);

  const socketDirectory = socketDirectoryIn(place.home);
  const bounds = await boundsOf(place.home);
  const start: StartOptions = {
    place,
    socketDirectory,
    settings: serverSettings({ ...options, socketDirectory, temporaryBytes: bounds.temporaryBytes }),
    memoryBytes: bounds.memoryBytes,
    throwAway: options.throwAway,
    port: options.port,
    portFile: path.join(dataDir, "port"),
    logFile: path.join(dataDir, "log", "postgres.log"),
    log,
    signal: options.signal,
  };
  const up = await adoptOrStart(start);
  if (place.identity.way === "account" && place.home === dataDir) await shareWithOwner(place);
  return { ...up, place, password, socketDirectory, logFile: start.logFile };
}

async function makeCluster(place: Place, passwordFile: string, options: BringUpOptions): Promise<void> {
  const startedAt = performance.now();
  const lightly = options.throwAway ? { durable: false, walSegmentMegabytes: 1 } : {};
  await initialiseCluster({ ...place, ...lightly, passwordFile, signal: options.signal });
  options.log.info({ tookMs: since(startedAt), way: place.identity.way }, "postgres.initialised");
}

async function refuseOtherVersion({ cluster, version }: Place): Promise<void> {
  const made = (await readFile(path.join(cluster, "PG_VERSION"), "utf8")).trim();
  const needed = version.split(".")[0];
  if (made === needed) return;
  throw new StartRefused(
    "postgres_version_mismatch",
    `The cluster ${cluster} was made by PostgreSQL ${made}, and this is PostgreSQL ${needed}. ` +
      "Start the version of Tenantry that made it, export the tenants, and import them into a new data directory.",
  );
}

async function replacePassword(place: Place, password: string, log: BringUpOptions["log"]): Promise<void> {
  const existing = await findExisting(place.cluster);
  if (existing) await stopPostmaster(existing.postmaster, 10_000);
  await resetPassword(place, password);
  log.warn({}, "postgres.password_replaced");
}

async function adoptOrStart(options: StartOptions): Promise<Started & { adopted: boolean }> {
  const startedAt = performance.now();
  for (;;) {
    const found = await adopt(options);
    if (found) {
      logUp(options, found, startedAt, "postgres.adopted");
      return { ...found, adopted: true };
    }
    const started = await startServer(options);
    // A server that a killed start had launched may come up while we look: then it is there to be adopted.
    if (started === "another is running") continue;
    logUp(options, started, startedAt, "postgres.started");
    return { ...started, adopted: false };
  }
}

async function adopt(options: StartOptions): Promise<Started | undefined> {
  const { place, log, signal } = options;
  const existing = await findExisting(place.cluster);
  if (!existing) return undefined;
  const wanted = { ...options, cluster: place.cluster, program: place.binaries.postgres };
  const reason = await whyUnfit(existing, wanted, signal);
  if (!reason) return existing;
  log.warn({ pid: existing.postmaster.pid, reason }, "postgres.replaced");
  await stopPostmaster(existing.postmaster, reason === "it doesn't answer" ? 1_000 : 10_000);
  return undefined;
}

function logUp(
  { log, place }: StartOptions,
  { postmaster, port }: Started,
  startedAt: number,
  event: string,
): void {
  const tookMs = since(startedAt);
  log.info({ pid: postmaster.pid, port, version: place.version, way: place.identity.way, tookMs }, event);
}

/** What root wrote into another user's data directory must not keep that user from starting it next time. */
async function shareWithOwner({ home, identity }: Place): Promise<void> {
  const { uid, gid } = identity;
  if (uid === undefined || gid === undefined) return;
  const entries = await readdir(home, { withFileTypes: true });
  const logs = (await readdir(path.join(home, "log"))).map((name) => path.join("log", name));
  const ours = entries.filter(({ name }) => name !== "cluster").map(({ name }) => name);
  await Promise.all([...ours, ...logs].map((name) => chown(path.join(home, name), uid, gid)));
}

function since(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}
