import { InvalidArgument, type ListedObject, ObjectNotFound, type Storage } from "@tenantry/data";
import type { StorageDriver } from "./driver.ts";

/** One end of a copy: whose files, and by which driver they are reached. */
export type CopyEnd = { driver: StorageDriver; physicalName: string };

/** What stands at the other end afterwards; `kept` of it stood there from an earlier attempt. */
export type CopiedFiles = { objects: number; bytes: number; kept: number };

const atOnce = 4;
const pageSize = 1_000;

/** Stores have clocks of their own: what is younger than this by comparison is copied once more. */
const clocksDifferMs = 300_000;

/**
 * Copies every file of one place to another, with its type: within the store where both are in one and it can, else as a
 * stream, a few at a time. Repeatable: a second call goes on where an interrupted one was. Files that are put or deleted
 * meanwhile may or may not be among them.
 */
export async function copyFiles(
  { from, to }: { from: CopyEnd; to: CopyEnd },
  options: { signal: AbortSignal; progress?: (copied: CopiedFiles) => Promise<void> },
): Promise<CopiedFiles> {
  const [source, target] = [from.driver.handle(from.physicalName), to.driver.handle(to.physicalName)];
  const copied: CopiedFiles = { objects: 0, bytes: 0, kept: 0 };
  const begun = (await target.list({ limit: 1 })).items.length > 0;
  for (let cursor: string | undefined; ; ) {
    const page = await source.list({ limit: pageSize, ...(cursor !== undefined && { cursor }) });
    const todo = page.items.values();
    const lane = async () => {
      for (const object of todo) {
        options.signal.throwIfAborted();
        const kept = begun && (await stands(target, object));
        if (!kept && !(await copyOne({ from, to, source, target }, object, options.signal))) continue;
        copied.objects += 1;
        copied.bytes += object.size;
        copied.kept += kept ? 1 : 0;
        await options.progress?.(copied);
      }
    };
    const lanes = await Promise.allSettled(Array.from({ length: atOnce }, lane));
    for (const ended of lanes) if (ended.status === "rejected") throw ended.reason;
    cursor = page.nextCursor;
    if (cursor === undefined) return copied;
  }
}

async function stands(target: Storage, { key, size, modifiedAt }: ListedObject): Promise<boolean> {
  const there = await unlessGone(() => target.head(key));
  return there?.size === size && there.modifiedAt.getTime() - clocksDifferMs > modifiedAt.getTime();
}

type Between = { from: CopyEnd; to: CopyEnd; source: Storage; target: Storage };

/** False when the file was deleted since it was listed. */
async function copyOne(
  { from, to, source, target }: Between,
  object: ListedObject,
  signal: AbortSignal,
): Promise<boolean> {
  const { key } = object;
  if (from.driver === to.driver) {
    const within = await unlessGone(
      async () => from.driver.copyWithin?.(from.physicalName, to.physicalName, object, { signal }) ?? false,
    );
    if (within !== false) return within === true;
  }
  const content = await unlessGone(() => source.get(key));
  if (!content) return false;
  const put = (options: { contentType?: string }) => target.put(key, content.body, { ...options, signal });
  try {
    const { contentType } = content;
    await put({ contentType }).catch((error: unknown) => {
      // Programs of others may have given it a type that is none.
      if (!(error instanceof InvalidArgument)) throw error;
      return put({});
    });
  } finally {
    content.body.destroy();
  }
  return true;
}

async function unlessGone<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
}
