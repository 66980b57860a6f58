import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { StartRefused } from "../../kernel/index.ts";
import type { Log } from "../log/index.ts";
import { spaceLeft } from "./data-dir.ts";
import { freePort, isFree } from "./free-port.ts";
import { giveTo } from "./initialise.ts";
import type { Place } from "./place.ts";
import { becomesReady, launchPostmaster, postmasterArguments, stopPostmaster } from "./postmaster.ts";
import { endOrphans, type Postmaster } from "./processes.ts";
import { tail } from "./run.ts";
import { openServerLog, readSince, sizeOf } from "./server-log.ts";
import { host } from "./settings.ts";

export type StartOptions = {
  place: Place;
  settings: Record<string, string>;
  /** Of each of its processes. */
  memoryBytes: number;
  socketDirectory: string | undefined;
  /** 0 for any free port; the one kept in `portFile` is tried first. */
  port: number;
  portFile: string;
  logFile: string;
  log: Pick<Log, "info" | "warn">;
  throwAway?: boolean;
  signal?: AbortSignal;
};

export type Started = { postmaster: Postmaster; port: number };

/**
 * Starts the server of a stopped cluster. A port of our own choosing that turns out to be taken is replaced; one that
 * was asked for isn't.
 */
export async function startServer(options: StartOptions): Promise<Started | "another is running"> {
  const waitUntil = performance.now() + 15_000;
  if (options.socketDirectory) await renewSocketDirectory(options.socketDirectory, options.place);
  for (let port = await choosePort(options); ; ) {
    const outcome = await startOnce(options, port);
    if (typeof outcome !== "string") {
      if (options.port === 0) await writeFile(options.portFile, `${port}\n`, { mode: 0o600 });
      return { postmaster: outcome, port };
    }
    options.signal?.throwIfAborted();
    if (outcome.includes('lock file "postmaster.pid" already exists')) return "another is running";
    if (isPortTaken(outcome)) {
      if (options.port !== 0) throw portInUse(port);
      const taken = port;
      port = await freePort(host);
      options.log.warn({ taken, port }, "postgres.port_changed");
    } else if (isStillInUse(outcome) && performance.now() < waitUntil) {
      await endOrphans(options.place.cluster);
    } else {
      throw await startFailed(options, outcome);
    }
  }
}

async function choosePort({ port, portFile, log }: StartOptions): Promise<number> {
  if (port !== 0) {
    if (await isFree(port, host)) return port;
    throw portInUse(port);
  }
  const kept = Number(await readFile(portFile, "utf8").catch(() => "0"));
  if (!(kept > 0)) return freePort(host);
  if (await isFree(kept, host)) return kept;
  const chosen = await freePort(host);
  log.warn({ taken: kept, port: chosen }, "postgres.port_changed");
  return chosen;
}

/** Emptied, because the number in a dead server's socket lock may be a stranger's by now; only we write there. */
async function renewSocketDirectory(directory: string, place: Place): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { mode: 0o700 });
  await giveTo(place.identity, directory);
}

/** The running server, or what it wrote before it ended. */
async function startOnce(options: StartOptions, port: number): Promise<Postmaster | string> {
  const { place } = options;
  const output = await openServerLog(options.logFile);
  const before = await sizeOf(options.logFile);
  let postmaster: Postmaster;
  try {
    postmaster = await launchPostmaster({
      program: place.binaries.postgres,
      args: postmasterArguments(place.cluster, { ...options.settings, port: String(port) }),
      identity: place.identity,
      environment: place.environment,
      output: output.descriptor,
      memoryBytes: options.memoryBytes,
      ...(options.throwAway && { onParentDeath: "QUIT" }),
    });
  } finally {
    await output.close();
  }
  try {
    const onSlow = () => options.log.info({ pid: postmaster.pid }, "postgres.recovering");
    if (await becomesReady(postmaster, place.cluster, { signal: options.signal, onSlow })) return postmaster;
  } catch (error) {
    await stopPostmaster(postmaster, 1_000);
    throw error;
  }
  return readSince(options.logFile, before);
}

function isPortTaken(output: string): boolean {
  return (
    output.includes("could not bind IPv4 address") || output.includes("could not create any TCP/IP sockets")
  );
}

function isStillInUse(output: string): boolean {
  return output.includes("pre-existing shared memory block");
}

function portInUse(port: number): StartRefused {
  return new StartRefused(
    "port_in_use",
    `Port ${port} of ${host} can't be had for PostgreSQL: another program listens there, or this user may not. ` +
      "Stop that program, or choose another port.",
  );
}

async function startFailed({ place, logFile }: StartOptions, output: string): Promise<StartRefused> {
  const space = await spaceLeft(place.home);
  return new StartRefused(
    "postgres_start_failed",
    `PostgreSQL didn't start on ${place.cluster}. ${space}Its last words (more in ${logFile}): ${tail(output) || "none"}`,
  );
}
