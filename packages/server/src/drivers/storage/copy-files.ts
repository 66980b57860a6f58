import { InvalidArgument, type ListedObject, ObjectNotFound, type Storage } from "@tenantry/data";
import type { StorageDriver } from "./driver.ts";
import { isCopyOf, sideBySide } from "./side-by-side.ts";

/** One end of a copy: whose files, and by which driver they are reached. */
export type CopyEnd = { driver: StorageDriver; physicalName: string };

/** Where files go from and to. */
export type Ends = { from: CopyEnd; to: CopyEnd };

/** What stands at the other end afterwards; `kept` of it stood there from an earlier attempt. */
export type CopiedFiles = { objects: number; bytes: number; kept: number };

export type CopyOptions = {
  signal: AbortSignal;
  progress?: (copied: CopiedFiles) => Promise<void>;
  /** Also removes what stands at the other end alone, since it was deleted after it had been copied. */
  follows?: boolean;
  /** Only those of which this says so. */
  only?: (source: ListedObject, target: ListedObject | undefined) => boolean;
};

const atOnce = 4;

/**
 * Copies every file of one place to another, with its type: within the store where both are in one and it can, else as a
 * stream, a few at a time. Repeatable: a second call goes on where an interrupted one was. Files that are put or deleted
 * meanwhile may or may not be among them.
 */
export async function copyFiles(ends: Ends, options: CopyOptions): Promise<CopiedFiles> {
  const { from, to } = ends;
  const [source, target] = [from.driver.handle(from.physicalName), to.driver.handle(to.physicalName)];
  const copied: CopiedFiles = { objects: 0, bytes: 0, kept: 0 };
  const pairs = sideBySide(source, target);
  const lane = async () => {
    for (let next = await pairs.next(); !next.done; next = await pairs.next()) {
      options.signal.throwIfAborted();
      const { source: object, target: there } = next.value;
      if (!object) {
        if (options.follows) await target.delete(there!.key);
        continue;
      }
      if (options.only && !options.only(object, there)) continue;
      const kept = there !== undefined && isCopyOf(there, object);
      if (!kept && !(await copyOne({ ...ends, source, target }, object, options.signal))) {
        // It went since it was listed, and so does what is left of it.
        if (options.follows && there) await target.delete(object.key);
        continue;
      }
      copied.objects += 1;
      copied.bytes += object.size;
      copied.kept += kept ? 1 : 0;
      await options.progress?.(copied);
    }
  };
  await inLanes(lane);
  return copied;
}

/** Some at a time; what one of them throws is thrown when all have ended. */
export async function inLanes(lane: () => Promise<void>): Promise<void> {
  const lanes = await Promise.allSettled(Array.from({ length: atOnce }, lane));
  for (const ended of lanes) if (ended.status === "rejected") throw ended.reason;
}

type Between = Ends & { source: Storage; target: Storage };

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

export async function unlessGone<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
}
