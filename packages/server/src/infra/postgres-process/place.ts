import { readlink, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import path from "node:path";
import { StartRefused } from "../../kernel/index.ts";
import { type Binaries, linkLibraries, locateBinaries } from "./binaries.ts";
import { accountIdentity, directIdentity, type Identity, mappedIdentity } from "./identity.ts";
import { run, tail } from "./run.ts";
import { copyBinaries, prepareSystemHome, type SystemOptions } from "./system-home.ts";

/** Where a cluster lies and as whom its server runs: all that is needed to call its programs. */
export type Place = {
  binaries: Binaries;
  identity: Identity;
  environment: Record<string, string>;
  /** Holds the cluster and what else the server's user must reach. */
  home: string;
  cluster: string;
  /** Of the programs, such as "18.4". */
  version: string;
};

export type PlaceOptions = {
  dataDir: string;
  /** How root starts the server; "auto" takes the namespace where the system allows it. Not for other users. */
  asRoot?: "auto" | "namespace" | "account";
  system: SystemOptions;
};

/**
 * Decides where the cluster of `dataDir` lies and as whom its server runs, and tries that out. An existing cluster
 * decides by whom it belongs to; for a new one, root prefers a user namespace to an account of its own.
 */
export async function choosePlace(options: PlaceOptions): Promise<Place> {
  const binaries = locateBinaries();
  const { dataDir } = options;
  if (process.getuid?.() !== 0) {
    // Without a name for the user, as in a container run with any number, initdb refuses; a mapped one has a name.
    const identity = hasName() ? directIdentity : mappedIdentity();
    return placeOrRefusal(await attempt(identity, binaries, dataDir), dataDir);
  }
  const cluster = path.join(dataDir, "cluster");
  const systemHome = await systemHomeOf(cluster);
  if (systemHome) return systemPlace(systemHome, binaries, options);
  const owner = await stat(cluster).catch(() => undefined);
  if (owner && owner.uid !== 0) return ownersPlace(owner, binaries, options);
  const mapped =
    options.asRoot === "account" ? "it was told not to" : await attempt(mappedIdentity(), binaries, dataDir);
  if (typeof mapped !== "string") return mapped;
  if (options.asRoot === "namespace") return placeOrRefusal(mapped, dataDir);
  if (owner) throw rootsClusterUnreachable(cluster, mapped, options.system);
  return systemPlace(await prepareSystemHome(cluster, options.system), binaries, options);
}

/** Where the cluster of an account lies; undefined for one that lies here, or that root linked to a place of its own. */
async function systemHomeOf(cluster: string): Promise<string | undefined> {
  const link = await readlink(cluster).catch(() => undefined);
  if (link === undefined) return undefined;
  const home = path.dirname(path.resolve(path.dirname(cluster), link));
  try {
    return (await stat(home)).uid === 0 ? undefined : home;
  } catch (cause) {
    throw new StartRefused(
      "data_dir_unusable",
      `The cluster of ${cluster} lies in ${home}, which can't be found. Bring it back, or remove that link to begin anew.`,
      { cause },
    );
  }
}

/** Runs as the account that owns the home, with the programs copied to where it can go. */
async function systemPlace(home: string, binaries: Binaries, options: PlaceOptions): Promise<Place> {
  const copied = await copyBinaries(binaries, options.system.directory);
  return placeOrRefusal(await attempt(accountIdentity(await stat(home)), copied, home), home);
}

/** Root was asked to start what an ordinary user made: it runs as that user, who can start it again later. */
async function ownersPlace(
  owner: { uid: number; gid: number },
  binaries: Binaries,
  { dataDir, system }: PlaceOptions,
): Promise<Place> {
  const inPlace = await attempt(accountIdentity(owner), binaries, dataDir);
  if (typeof inPlace !== "string") return inPlace;
  const copied = await copyBinaries(binaries, system.directory);
  return placeOrRefusal(await attempt(accountIdentity(owner), copied, dataDir), dataDir);
}

/** Tries whether this user can run the programs and write to `home`; answers with what stands in the way otherwise. */
export async function attempt(identity: Identity, binaries: Binaries, home: string): Promise<Place | string> {
  const environment = await linkLibraries(binaries, path.join(home, "lib"));
  const script = 'test -w "$1" || { echo "$1 is out of its reach"; exit 1; }; exec "$0" --version';
  const result = await run("sh", ["-c", script, binaries.postgres, home], { identity, environment });
  const version = /^postgres \(PostgreSQL\) (\S+)/.exec(result.output)?.[1];
  if (result.code !== 0 || !version) return tail(result.output) || `exit code ${result.code}`;
  return { binaries, identity, environment, home, cluster: path.join(home, "cluster"), version };
}

function placeOrRefusal(outcome: Place | string, home: string): Place {
  if (typeof outcome !== "string") return outcome;
  throw new StartRefused(
    "postgres_unavailable",
    `The embedded PostgreSQL doesn't run here for the cluster in ${home}: ${outcome}. ` +
      "Choose a data directory that its user can reach, or set DATABASE_URL to a PostgreSQL 15 or newer.",
  );
}

function rootsClusterUnreachable(cluster: string, reason: string, system: SystemOptions): StartRefused {
  const moved = path.join(system.directory, "clusters/moved");
  return new StartRefused(
    "postgres_unavailable",
    `The cluster ${cluster} belongs to root, and this system doesn't let root run PostgreSQL in a user namespace ` +
      `(${reason}). Move it to an account once: useradd --system ${system.account}; mkdir -p '${moved}'; ` +
      `mv '${cluster}' '${moved}/'; chown -R ${system.account}: '${moved}'; ln -s '${moved}/cluster' '${cluster}'`,
  );
}

function hasName(): boolean {
  try {
    return userInfo().username !== "";
  } catch {
    return false;
  }
}
