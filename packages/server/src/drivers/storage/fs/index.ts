import { lstat, mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { openFsStorage, removeFsStorage, removingSuffix, tidyFsStorage } from "@tenantry/data";
import { encodeUuid, parseId } from "../../../kernel/index.ts";
import { ignoreExisting, openDirectory, syncDirectory } from "../../directories.ts";
import type { StorageDriver } from "../driver.ts";

export type FsStorageOptions = {
  /** Holds one directory an environment. Made when it isn't there; its parents must let applications' users through. */
  root: string;
  /**
   * The user that an environment's application runs as, when it is another than ours: only root can give files away.
   * Undefined where it runs as the same user.
   */
  ownerOf?: (environmentId: string) => Promise<number | undefined>;
  /** A secret of this installation for each place, with which requests for its files are signed. */
  signingKeyOf?: (physicalName: string) => string;
  /** False where nobody minds that a place is lost when the machine stops. */
  durable?: boolean;
};

const namePattern = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** Files in directories of this machine: `<root>/<environment>/`, each open to its application's user alone. */
export function createFsStorageDriver(options: FsStorageOptions): StorageDriver {
  const root = path.resolve(options.root);
  const ownerOf = async (environmentId: string) =>
    (await options.ownerOf?.(environmentId)) ?? process.getuid!();

  function directoryOf(physicalName: string): string {
    if (namePattern.test(physicalName)) return path.join(root, physicalName);
    throw new Error(`${JSON.stringify(physicalName)} is no directory of an environment.`);
  }

  const sync = () => (options.durable === false ? Promise.resolve() : syncDirectory(root));

  const resourceOf = (physicalName: string) => ({ kind: "storage", driver: "fs", physicalName });

  return {
    driver: "fs",
    nameFor: encodeUuid,
    async provision(context, physicalName, environmentId) {
      const directory = directoryOf(physicalName);
      const owner = await ownerOf(environmentId);
      await context.declareResource(resourceOf(physicalName));
      await context.assertLease();
      await mkdir(root, { recursive: true, mode: 0o711 });
      if (owner !== process.getuid!()) await letThrough(root);
      await mkdir(directory, { mode: 0o700 }).catch(ignoreExisting);
      await handOver(directory, owner);
      await sync();
      await context.resourcePresent(resourceOf(physicalName));
    },
    handle: (physicalName) =>
      openFsStorage(directoryOf(physicalName), { signingKey: options.signingKeyOf?.(physicalName) }),
    location: (physicalName) => ({
      driver: "fs",
      directory: directoryOf(physicalName),
      ...(options.signingKeyOf && { signingKey: options.signingKeyOf(physicalName) }),
    }),
    async admit(physicalName, admitted) {
      const [directory, us] = [directoryOf(physicalName), process.getuid!()];
      const owner = await ownerOf(parseId("env", `env_${physicalName}`)!);
      // Where we are the same user as the application we can't keep it out without keeping ourselves out.
      if (owner !== us) await handOver(directory, admitted ? owner : us);
    },
    measure: (physicalName) => openFsStorage(directoryOf(physicalName)).usage(),
    async verify(physicalName, environmentId) {
      return inspect(directoryOf(physicalName), await ownerOf(environmentId));
    },
    async tidy() {
      let removed = 0;
      for (const name of await listPlaces(root)) {
        // Half-removed by now, it is tidied by the removal.
        if (await exists(directoryOf(name))) removed += (await tidyFsStorage(directoryOf(name))).removed;
      }
      return { removed };
    },
    async remove(context, physicalName) {
      const directory = directoryOf(physicalName);
      await context.assertLease();
      if (await exists(root)) {
        await removeFsStorage(directory, { signal: context.signal });
        await sync();
      }
      await context.resourceRemoved(resourceOf(physicalName));
    },
    list: () => listPlaces(root),
  };
}

async function listPlaces(root: string): Promise<string[]> {
  const entries = await readdir(root).catch(ignoreMissing);
  const names = (entries ?? []).map((name) =>
    name.endsWith(removingSuffix) ? name.slice(0, -removingSuffix.length) : name,
  );
  return [...new Set(names.filter((name) => namePattern.test(name)))];
}

// Other users pass through to what is theirs, and can't look around. The umask may have taken that away.
async function letThrough(root: string): Promise<void> {
  await using handle = await openDirectory(root);
  const { mode } = await handle.stat();
  if ((mode & 0o011) !== 0o011) await handle.chmod((mode & 0o777) | 0o011);
}

async function handOver(directory: string, owner: number): Promise<void> {
  await using handle = await openDirectory(directory);
  const { uid } = await handle.stat();
  // Group and others have no rights; the group goes along so that quotas and listings show one name.
  if (uid !== owner) await handle.chown(owner, owner).catch((error) => refuseOwner(directory, owner, error));
  await handle.chmod(0o700);
}

function refuseOwner(directory: string, owner: number, cause: unknown): never {
  throw new Error(`${directory} can't be given to the user ${owner}: only root can do that.`, { cause });
}

async function inspect(directory: string, owner: number): Promise<string[]> {
  const stats = await lstat(directory).catch(ignoreMissing);
  if (!stats) return [`The directory ${directory} isn't there.`];
  if (!stats.isDirectory()) return [`${directory} is no directory.`];
  const wrong: string[] = [];
  if (stats.uid !== owner) wrong.push(`${directory} belongs to the user ${stats.uid} instead of ${owner}.`);
  if ((stats.mode & 0o077) !== 0) wrong.push(`${directory} is open to other users.`);
  if ((stats.mode & 0o700) !== 0o700) wrong.push(`${directory} is closed to its own user.`);
  return wrong;
}

async function exists(directory: string): Promise<boolean> {
  return (await lstat(directory).catch(ignoreMissing)) !== undefined;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
