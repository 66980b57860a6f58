import { constants } from "node:fs";
import { chown, copyFile, link, lstat, mkdir, open, readdir, rename, rm, unlink } from "node:fs/promises";
import path from "node:path";
import { hasCode } from "../../../kernel/index.ts";
import { ignoreExisting, openDirectory, syncDirectory } from "../../directories.ts";
import { blueprintName } from "../common/names.ts";
import {
  type AppSchema,
  BlueprintGone,
  type BuildRequest,
  type BuiltDatabase,
  type DatabaseServer,
  type DriverContext,
} from "../driver.ts";
import { applyMigrations } from "./apply.ts";
import { type FilePlaces, requirePlaces } from "./directory.ts";
import { markOpen, markPlain } from "./mark.ts";
import { fileName, isDatabase, shelfName } from "./names.ts";
import { makingName, ownerFor, resourceOf, type SqliteParts } from "./parts.ts";
import { ignoreMissing, makePassable, removeFiles } from "./system.ts";

/** Implements `DatabaseDriver.buildBlueprint`: a file that all others of the schema are copies of. */
export async function buildBlueprint(
  parts: SqliteParts,
  context: DriverContext,
  { server, schema }: { server: DatabaseServer; schema: AppSchema },
): Promise<string> {
  const name = blueprintName(schema);
  const resource = resourceOf(server, name);
  const places = await requirePlaces(server);
  await context.declareResource({ ...resource, common: true });
  // Others may be making it at this moment; what this operation left half-made was left by a holder that was killed.
  await removeHalfMade(places, `${name}.${context.operationId}`);
  if (!(await exists(places.fileOf(name)))) {
    try {
      await make(parts, places, context, { name, schema }, (whole) => rename(whole, places.fileOf(name)));
    } catch (error) {
      if (hasCode(error, "migration_failed") || hasCode(error, "isolation_unavailable"))
        await context.resourceRemoved(resource);
      throw error;
    }
  }
  await context.resourcePresent(resource);
  return name;
}

/**
 * Implements `DatabaseDriver.build`. The file is made aside and appears whole: one that stands is never replaced, for it
 * may hold rows.
 */
export async function build(
  parts: SqliteParts,
  context: DriverContext,
  { server, databaseId, schema, encryptionKey }: BuildRequest,
): Promise<BuiltDatabase> {
  const name = fileName(schema.appId, databaseId);
  const resource = resourceOf(server, name);
  const owner = await ownerFor(parts, schema.appId);
  const places = await requirePlaces(server);
  await context.declareResource(resource);
  await context.assertLease();
  const [directory, file] = [places.directoryOf(name), places.fileOf(name)];
  const shelf = path.join(places.root, shelfName(schema.appId));
  await makePassable(shelf);
  const isNew = await makeDirectory(directory);
  // Whoever was killed may have linked it already, and not removed the other name.
  if (!isNew) await removeHalfMade(places, name);
  if (isNew || !(await exists(file))) {
    const place = async (whole: string) => {
      if (owner !== process.getuid!()) await chown(whole, owner, owner);
      await link(whole, file).catch(ignoreExisting);
    };
    const content = { name, schema, encryptionKey };
    if (encryptionKey === undefined) await copyBlueprint(places, context, content, place);
    else await make(parts, places, context, content, place);
  }
  await Promise.all([handOver(directory, owner), syncDirectory(shelf)]);
  await context.resourcePresent(resource);
  return { name, roleName: null, password: null };
}

/** Answers whether there was none: then nobody has begun to make what shall be in it. */
function makeDirectory(directory: string): Promise<boolean> {
  return mkdir(directory, { mode: 0o700 }).then(
    () => true,
    (error) => {
      ignoreExisting(error);
      return false;
    },
  );
}

type Content = { name: string; schema: AppSchema; encryptionKey?: string | undefined };
type Place = (whole: string) => Promise<void>;

/** Makes a file by the migrations where nobody looks, and puts it in its place when it is whole. */
async function make(
  parts: SqliteParts,
  places: FilePlaces,
  context: DriverContext,
  { name, schema, encryptionKey }: Content,
  place: Place,
): Promise<void> {
  for (const directory of [places.making, places.blueprints])
    await mkdir(directory, { mode: 0o700 }).catch(ignoreExisting);
  const making = path.join(places.making, makingName(name, context));
  await removeFiles(making);
  try {
    const { signal } = context;
    await parts.files({ path: making, encryptionKey, create: true, signal }, async (file) => {
      // It comes to the disk as a whole, in the end.
      await file.rows("pragma synchronous = off");
      await applyMigrations(file, context, schema);
      if (isDatabase(name)) await markOpen(file, name);
      // Everything in the one file.
      await file.rows("pragma wal_checkpoint(truncate)");
    });
    // A file of its own: SQLite knows one that it has opened by its inode, and would go on writing beside the name that it
    // had then.
    await putInPlace({ from: making, whole: `${making}.whole` }, context, place);
  } finally {
    await removeFiles(making);
  }
}

/** There is nothing secret in a blueprint, and it stands: a copy of it is whole once its mark is in it. */
async function copyBlueprint(
  places: FilePlaces,
  context: DriverContext,
  { name, schema }: Content,
  place: Place,
): Promise<void> {
  const whole = `${path.join(places.making, makingName(name, context))}.whole`;
  await putInPlace({ from: places.fileOf(blueprintName(schema)), whole, mark: name }, context, place);
}

async function putInPlace(
  { from, whole, mark }: { from: string; whole: string; mark?: string },
  context: DriverContext,
  place: Place,
): Promise<void> {
  try {
    await copyFile(from, whole, constants.COPYFILE_FICLONE).catch(blueprintGone);
    await finish(whole, mark);
    await context.assertLease();
    await place(whole);
  } finally {
    await unlink(whole).catch(ignoreMissing);
  }
}

function blueprintGone(cause: NodeJS.ErrnoException): never {
  throw cause.code === "ENOENT" ? new BlueprintGone({ cause }) : cause;
}

async function finish(file: string, mark: string | undefined): Promise<void> {
  await using handle = await open(file, "r+");
  if (mark !== undefined) await markPlain(handle, mark);
  // A blueprint is closed to others, and so is its copy.
  else await handle.chmod(0o600);
  await handle.sync();
}

/** Group and others have no rights; the group goes along so that quotas and listings show one name. */
async function handOver(directory: string, owner: number): Promise<void> {
  await using handle = await openDirectory(directory);
  const { uid, mode } = await handle.stat();
  if (uid !== owner) await handle.chown(owner, owner);
  if ((mode & 0o777) !== 0o700) await handle.chmod(0o700);
  await handle.sync();
}

/** What holders of operations that ended left half-made of a database. */
export async function removeHalfMade(places: FilePlaces, name: string): Promise<void> {
  const names = (await readdir(places.making).catch(ignoreMissing)) ?? [];
  for (const entry of names) {
    if (entry.startsWith(`${name}.`)) await rm(path.join(places.making, entry), { force: true });
  }
}

async function exists(file: string): Promise<boolean> {
  return (await lstat(file).catch(ignoreMissing)) !== undefined;
}
