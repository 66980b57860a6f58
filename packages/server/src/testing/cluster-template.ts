import { randomBytes } from "node:crypto";
import { access, constants, mkdtemp, readFile, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { type Binaries, linkLibraries, locateBinaries } from "../infra/postgres-process/binaries.ts";
import {
  accountIdentity,
  directIdentity,
  type Identity,
  mappedIdentity,
} from "../infra/postgres-process/identity.ts";
import { giveTo, initialiseCluster } from "../infra/postgres-process/initialise.ts";
import { attempt } from "../infra/postgres-process/place.ts";
import { copyBinaries, ensureAccount, systemDefaults } from "../infra/postgres-process/system-home.ts";

/** A cluster that test servers are copies of, and how their programs are run. */
export type ClusterTemplate = {
  directory: string;
  password: string;
  binaries: Binaries;
  identity: Identity;
  environment: Record<string, string>;
};

/**
 * Where test servers keep their files: in memory if there is plenty, since a disk that others write to as well makes
 * them ten times slower; else below the system's temporary directory.
 */
export async function directoryOfTestServers(): Promise<string> {
  const memory = "/dev/shm";
  try {
    await access(memory, constants.W_OK);
    const { bavail, bsize } = await statfs(memory);
    if (bavail * bsize > 2 * 1024 ** 3) return memory;
  } catch {
    // There is none, or it isn't for us: a container's choice.
  }
  return tmpdir();
}

/**
 * The cluster in the directory of test servers that is made once per machine, user and version. Whoever comes
 * first makes it; a loser of the race throws its own away.
 */
export async function clusterTemplate(): Promise<ClusterTemplate> {
  const installed = locateBinaries();
  const user = userInfo().uid;
  const parent = await directoryOfTestServers();
  // The number says what it is made like: raised when that changes.
  const directory = path.join(parent, `tenantry-test-template-2-${installed.packageVersion}-${user}`);
  const made = await stat(directory).catch(() => undefined);
  // Anybody may write to that directory: a template that a stranger put there isn't run.
  if (made && made.uid !== user) throw new Error(`${directory} belongs to another user. Remove it.`);
  if (!made) await makeTemplate(directory, installed);
  const { identity, binaries } = await runnerOf(directory, installed);
  return {
    directory,
    identity,
    binaries,
    password: (await readFile(path.join(directory, "password"), "utf8")).trim(),
    environment: await linkLibraries(binaries, path.join(directory, "lib")),
  };
}

type Runner = { identity: Identity; binaries: Binaries };

/** Who made the template's cluster runs the copies too. */
async function runnerOf(directory: string, binaries: Binaries): Promise<Runner> {
  if (process.getuid?.() !== 0) return { identity: directIdentity, binaries };
  const owner = await stat(path.join(directory, "cluster"));
  if (owner.uid === 0) return { identity: mappedIdentity(), binaries };
  return {
    identity: accountIdentity(owner),
    binaries: await copyBinaries(binaries, systemDefaults.directory),
  };
}

async function makeTemplate(directory: string, installed: Binaries): Promise<void> {
  const draft = await mkdtemp(`${directory}-`);
  try {
    const { identity, binaries } = await chooseRunner(draft, installed);
    const passwordFile = path.join(draft, "password");
    await writeFile(passwordFile, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
    const cluster = path.join(draft, "cluster");
    const environment = await linkLibraries(binaries, path.join(draft, "lib"));
    const home = path.dirname(cluster);
    await giveTo(identity, home);
    await initialiseCluster({
      ...{ binaries, identity, environment, cluster, passwordFile },
      durable: false,
      walSegmentMegabytes: 1,
    });
    await rename(draft, directory);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  }
}

async function chooseRunner(draft: string, binaries: Binaries): Promise<Runner> {
  if (process.getuid?.() !== 0) return { identity: directIdentity, binaries };
  const mapped = mappedIdentity();
  if (typeof (await attempt(mapped, binaries, draft)) !== "string") return { identity: mapped, binaries };
  const identity = accountIdentity(await ensureAccount(systemDefaults));
  return { identity, binaries: await copyBinaries(binaries, systemDefaults.directory) };
}
