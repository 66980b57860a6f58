import { link, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { failure, newId } from "../../../kernel/index.ts";
import { ignoreExisting, syncDirectory } from "../../directories.ts";
import type { DatabaseServer } from "../driver.ts";
import { selectVersion } from "./ledger.sql.ts";
import { isBlueprint, isDatabase, shelfName } from "./names.ts";
import { createFiles, type Files } from "./open-file.ts";
import { ignoreMissing, makePassable, removeFiles } from "./system.ts";

/** This machine's directory of SQLite files, as a server. */
export type SqliteDirectory = {
  /** `file:///…` */
  readonly url: string;
  /** Of SQLite: 30045 is 3.45. */
  versionNumber(): Promise<number>;
  /** Marks the directory as the server of that id, unless it is marked already; answers whose it is. Repeatable. */
  claim(serverId: string): Promise<string>;
  /** Which server it is; undefined before the first claim. */
  claimed(): Promise<string | undefined>;
  /** Where an application's environments have their files, made when it isn't there: no other application needs it. */
  shelfOf(appId: string): Promise<string>;
};

const markName = "server";
const makingName = "making";

/** `<root>/`, in which other users pass through to what is theirs, and can't look around. */
export function openSqliteDirectory(root: string, files: Files = createFiles()): SqliteDirectory {
  const claimed = () => readMark(root);
  return {
    url: pathToFileURL(root).href,
    async versionNumber() {
      const path = join(root, `${markName}.${newId()}`);
      try {
        return await files({ path, create: true }, selectVersion);
      } finally {
        await removeFiles(path);
      }
    },
    claimed,
    async claim(serverId) {
      await makePassable(root);
      const making = join(root, `${markName}.${newId()}`);
      await writeFile(making, `${serverId}\n`, { mode: 0o600, flush: true });
      // Whoever links first has marked it.
      await link(making, join(root, markName)).catch(ignoreExisting);
      await rm(making);
      await syncDirectory(root);
      return (await claimed())!;
    },
    async shelfOf(appId) {
      await makePassable(root);
      const shelf = join(root, shelfName(appId));
      await makePassable(shelf);
      return shelf;
    },
  };
}

async function readMark(root: string): Promise<string | undefined> {
  const text = await readFile(join(root, markName), "utf8").catch(ignoreMissing);
  return text?.trim();
}

/** Where things of one server are. Names that this driver can't have given are an error before anything is touched. */
export type FilePlaces = {
  root: string;
  /** Where files are made before anybody may see them; nobody else gets in. */
  making: string;
  blueprints: string;
  directoryOf(physicalName: string): string;
  fileOf(physicalName: string): string;
};

/** Throws `server_unreachable` when the directory isn't this machine's, or was swapped for another. */
export async function requirePlaces(server: DatabaseServer): Promise<FilePlaces> {
  const places = placesOf(server);
  if ((await readMark(places.root)) === server.id) return places;
  throw failure("server_unreachable", {
    detail: `The SQLite files in ${places.root} aren't on this machine, or another directory is in their place.`,
    remedy: "Run workers where the files are, or put the data directory back.",
  });
}

export function placesOf({ url }: Pick<DatabaseServer, "url">): FilePlaces {
  const root = fileURLToPath(url);
  const blueprints = join(root, "blueprints");
  const directoryOf = (physicalName: string): string => {
    if (!isDatabase(physicalName))
      throw new Error(`${JSON.stringify(physicalName)} is no database in a file.`);
    return join(root, ...physicalName.split("."));
  };
  return {
    root,
    blueprints,
    making: join(root, makingName),
    directoryOf,
    fileOf: (physicalName) =>
      isBlueprint(physicalName)
        ? join(blueprints, `${physicalName}.db`)
        : join(directoryOf(physicalName), "data.db"),
  };
}
