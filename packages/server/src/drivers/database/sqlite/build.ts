import { constants } from "node:fs";
import { chown, copyFile, link, lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises";
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
  await mkdir(directory, { mode: 0o700 }).catch(ignoreExisting);
  // Whoever was killed may have linked it already, and not removed the other name.
  await removeHalfMade(places, name);
  if (!(await exists(file))) {
    const source = encryptionKey === undefined ? places.fileOf(blueprintName(schema)) : undefined;
    await make(parts, places, context, { name, schema, source, encryptionKey }, async (whole) => {
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
  name: string;
  schema: AppSchema;
  /** Copied when it is given, else made by the migrations. */
  source?: string | undefined;
  encryptionKey?: string | undefined;
};

/** Makes a file where nobody looks, and puts it in its place when it is whole. */
async function make(
  parts: SqliteParts,
  places: FilePlaces,
  context: DriverContext,
  { name, schema, source, encryptionKey }: Content,
  place: (whole: string) => Promise<void>,
): Promise<void> {
  for (const directory of [places.making, places.blueprints])
    await mkdir(directory, { mode: 0o700 }).catch(ignoreExisting);
  const making = path.join(places.making, makingName(name, context));
  const whole = `${making}.whole`;
  await removeFiles(making);
  try {
    if (!source) {
      const { signal } = context;
      await parts.files({ path: making, encryptionKey, create: true, signal }, async (file) => {
        await applyMigrations(file, context, schema);
        if (isDatabase(name)) await markOpen(file, name);
        // Everything in the one file.
        await file.rows("pragma wal_checkpoint(truncate)");
      });
    }
    // A file of its own: SQLite knows one that it has opened by its inode, and would go on writing beside the name that it
    // had then.
    await copyFile(source ?? making, whole, constants.COPYFILE_FICLONE).catch(blueprintGone);
    await finish(whole, source ? name : undefined);
    await context.assertLease();
    await place(whole);
  } finally {
    await removeFiles(making);
    await rm(whole, { force: true });
  }
}

function blueprintGone(cause: NodeJS.ErrnoException): never {
  throw cause.code === "ENOENT" ? new BlueprintGone({ cause }) : cause;
}

async function finish(file: string, mark: string | undefined): Promise<void> {
  await using handle = await open(file, "r+");
  if (mark !== undefined) await markPlain(handle, mark);
  await handle.chmod(0o600);
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
