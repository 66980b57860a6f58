import { lstat, readdir } from "node:fs/promises";
import path from "node:path";
import { removingSuffix } from "@tenantry/data";
import { failure, hasCode } from "../../../kernel/index.ts";
import type {
  DatabaseServer,
  OpenableDatabase,
  PhysicalDatabase,
  PhysicalName,
  SchemaForm,
} from "../driver.ts";
import { requirePlaces } from "./directory.ts";
import { selectDamage, selectSchema } from "./ledger.sql.ts";
import { isMarkedAs } from "./mark.ts";
import { appOf, isBlueprint, isDatabase, isShelf } from "./names.ts";
import type { FilePlace } from "./open-file.ts";
import { ownerFor, type SqliteParts } from "./parts.ts";
import { ignoreMissing } from "./system.ts";

/** Implements `DatabaseDriver.measure`: the file, and what is written beside it before it goes in. */
export async function measure(server: DatabaseServer, database: PhysicalDatabase): Promise<number> {
  const file = (await requirePlaces(server)).fileOf(database.name);
  const sizes = await Promise.all(
    [file, `${file}-wal`, `${file}-shm`].map(
      async (one) => (await lstat(one).catch(ignoreMissing))?.size ?? 0,
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Implements `DatabaseDriver.verify`. */
export async function verify(
  parts: SqliteParts,
  server: DatabaseServer,
  { name, encryptionKey }: OpenableDatabase,
): Promise<string[]> {
  const places = await requirePlaces(server);
  const file = places.fileOf(name);
  if (!(await lstat(file).catch(ignoreMissing))) return [`The database ${name} isn't there.`];
  const owner = await ownerFor(parts, appOf(name));
  const wrong = [
    ...(await wrongWith(places.directoryOf(name), "directory", owner)),
    ...(await wrongWith(file, "file", owner)),
  ];
  // One that may lead elsewhere isn't opened.
  return wrong.length > 0 ? wrong : verifyContent(parts, name, { path: file, encryptionKey });
}

async function verifyContent(parts: SqliteParts, name: string, place: FilePlace): Promise<string[]> {
  try {
    return await parts.files(place, async (file) => {
      const wrong = (await selectDamage(file)).map((line) => `The file of ${name} is damaged: ${line}.`);
      const isOwn = await isMarkedAs(file, name);
      return isOwn ? wrong : [...wrong, `The file of ${name} is another database's.`];
    });
  } catch (error) {
    if (!hasCode(error, "environment_unavailable")) throw error;
    return [`The file of ${name} is damaged, or encrypted with another key.`];
  }
}

async function wrongWith(place: string, kind: "directory" | "file", owner: number): Promise<string[]> {
  const stats = await lstat(place);
  const isKind = kind === "directory" ? stats.isDirectory() : stats.isFile();
  if (!isKind) return [`${place} is no ${kind}.`];
  const wrong: string[] = [];
  if (kind === "file" && stats.nlink !== 1) wrong.push(`${place} may be reached by another name, too.`);
  if (stats.uid !== owner) wrong.push(`${place} belongs to the user ${stats.uid} instead of ${owner}.`);
  if ((stats.mode & 0o077) !== 0) wrong.push(`${place} is open to other users.`);
  if ((stats.mode & 0o600) !== 0o600) wrong.push(`${place} is closed to its own user.`);
  return wrong;
}

/** Throws where a file may lead elsewhere: an application that owns a directory may have put anything into it. */
export async function requireSound(file: string, owner: number): Promise<void> {
  const wrong = (await lstat(file).catch(ignoreMissing))
    ? await wrongWith(file, "file", owner)
    : [`${file} isn't there.`];
  if (wrong.length > 0) throw failure("environment_unavailable", { detail: wrong.join(" ") });
}

/** Implements `DatabaseDriver.readForm`: what `sqlite_schema` says, each thing under its name. */
export async function readForm(
  parts: SqliteParts,
  server: DatabaseServer,
  { name, encryptionKey }: OpenableDatabase,
): Promise<SchemaForm> {
  const file = (await requirePlaces(server)).fileOf(name);
  if (!(await lstat(file).catch(ignoreMissing))) return {};
  return parts.files({ path: file, encryptionKey }, async (open) =>
    Object.fromEntries(
      (await selectSchema(open)).map(({ type, name: own, tableName, sql }) => [
        `${type} ${own}`,
        { ...(own !== tableName && { on: tableName }), ...(sql !== null && { sql }) },
      ]),
    ),
  );
}

/** Implements `DatabaseDriver.list`: also what is half made and half removed. */
export async function list(server: DatabaseServer): Promise<PhysicalName[]> {
  const { root, making, blueprints } = await requirePlaces(server);
  const entries = async (directory: string) => (await readdir(directory).catch(ignoreMissing)) ?? [];
  const names: string[] = [];
  for (const shelf of (await entries(root)).filter(isShelf)) {
    for (const entry of await entries(path.join(root, shelf))) {
      names.push(
        `${shelf}.${entry.endsWith(removingSuffix) ? entry.slice(0, -removingSuffix.length) : entry}`,
      );
    }
  }
  names.push(...(await entries(blueprints)).map((entry) => entry.replace(/\.db.*$/, "")));
  names.push(
    ...(await entries(making)).map((entry) => entry.replace(/^((?:tna_\w+\.)?tnb?_\w+)\..*$/, "$1")),
  );
  const ours = [...new Set(names)].filter((name) => isDatabase(name) || isBlueprint(name));
  return ours.map((name) => ({ kind: "database", name }));
}
