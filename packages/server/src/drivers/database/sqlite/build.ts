import { constants } from "node:fs";
import { chmod, chown, copyFile, link, lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { hasCode } from "../../../kernel/index.ts";
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
import { writePlace } from "./ledger.sql.ts";
import { fileName, isDatabase, shelfName } from "./names.ts";
import { type OpenFile, withFile } from "./open-file.ts";
import { makingName, ownerFor, resourceOf, type SqliteOptions } from "./parts.ts";
import { ignoreExisting, ignoreMissing, makePassable, openDirectory, syncDirectory } from "./system.ts";

/** Implements `DatabaseDriver.buildBlueprint`: a file that all others of the schema are copies of. */
export async function buildBlueprint(
  context: DriverContext,
  { server, schema }: { server: DatabaseServer; schema: AppSchema },
): Promise<string> {
  const name = blueprintName(schema);
  const resource = resourceOf(server, name);
  const places = await requirePlaces(server);
  await context.declareResource({ ...resource, common: true });
  if (!(await exists(places.fileOf(name)))) {
    try {
      await make(places, context, name, { schema }, (whole) => rename(whole, places.fileOf(name)));
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
  options: SqliteOptions,
  context: DriverContext,
  { server, databaseId, schema, encryptionKey }: BuildRequest,
): Promise<BuiltDatabase> {
  const name = fileName(schema.appId, databaseId);
  const resource = resourceOf(server, name);
  const owner = await ownerFor(options, schema.appId);
  const places = await requirePlaces(server);
  await context.declareResource(resource);
  await context.assertLease();
  const [directory, file] = [places.directoryOf(name), places.fileOf(name)];
  const shelf = path.join(places.root, shelfName(schema.appId));
  await makePassable(shelf);
  await mkdir(directory, { mode: 0o700 }).catch(ignoreExisting);
  // Whoever was killed may have linked it already, and not removed the other name.
  await removeHalfMade(places, name);
  if (!(await exists(file))) {
    const source = encryptionKey === undefined ? places.fileOf(blueprintName(schema)) : undefined;
    await make(places, context, name, { schema, source, encryptionKey }, async (whole) => {
      await chown(whole, owner, owner);
      await link(whole, file).catch(ignoreExisting);
    });
  }
  await handOver(directory, owner);
  await syncDirectory(shelf);
  await context.resourcePresent(resource);
  return { name, roleName: null, password: null };
}

type Content = {
  schema: AppSchema;
  /** Copied when it is given, else made by the migrations. */
  source?: string | undefined;
  encryptionKey?: string | undefined;
};

/** Makes a file where nobody looks, and puts it in its place when it is whole. */
async function make(
  places: FilePlaces,
  context: DriverContext,
  name: string,
  { schema, source, encryptionKey }: Content,
  place: (whole: string) => Promise<void>,
): Promise<void> {
  for (const directory of [places.making, places.blueprints])
    await mkdir(directory, { mode: 0o700 }).catch(ignoreExisting);
  const making = path.join(places.making, makingName(name, context));
  const whole = `${making}.whole`;
  await removeFiles(making);
  try {
    if (source) await copyFile(source, making, constants.COPYFILE_FICLONE).catch(blueprintGone);
    await withFile({ path: making, encryptionKey }, async (file) => {
      if (!source) await applyMigrations(file, context, schema.migrations);
      if (isDatabase(name)) await writePlace(file, name);
      await settle(file);
    });
    // A file of its own: SQLite knows one that this process has opened by its inode, and would go on writing beside the
    // name that it had then.
    await copyFile(making, whole, constants.COPYFILE_FICLONE);
    await chmod(whole, 0o600);
    await sync(whole);
    await context.assertLease();
    await place(whole);
  } finally {
    await removeFiles(making);
    await rm(whole, { force: true });
  }
}

/** Everything in the one file, and WAL for whoever opens it next. */
async function settle(file: OpenFile): Promise<void> {
  await file.rows("pragma journal_mode = wal");
  await file.rows("pragma wal_checkpoint(truncate)");
}

function blueprintGone(cause: NodeJS.ErrnoException): never {
  throw cause.code === "ENOENT" ? new BlueprintGone({ cause }) : cause;
}

async function sync(file: string): Promise<void> {
  await using handle = await open(file, "r+");
  await handle.sync();
}

/** Group and others have no rights; the group goes along so that quotas and listings show one name. */
async function handOver(directory: string, owner: number): Promise<void> {
  await using handle = await openDirectory(directory);
  await handle.sync();
  const { uid } = await handle.stat();
  if (uid !== owner) await handle.chown(owner, owner);
  await handle.chmod(0o700);
}

const besides = ["", "-wal", "-shm", "-journal"];

/** A file with all that SQLite keeps beside it. What isn't there counts as removed. */
export async function removeFiles(file: string): Promise<void> {
  for (const suffix of besides) await rm(`${file}${suffix}`, { force: true });
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
