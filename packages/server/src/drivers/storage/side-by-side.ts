import type { ListedObject, Storage } from "@tenantry/data";

/** What stands under one key at either end; undefined where nothing does. */
export type Pair = { source?: ListedObject; target?: ListedObject };

const pageSize = 1_000;

/**
 * Walks two places side by side, in the order of their keys: each key once, from two lists and no other request. What is
 * put under keys that were passed isn't seen any more.
 */
export async function* sideBySide(source: Storage, target: Storage): AsyncGenerator<Pair> {
  const [ours, theirs] = [objectsOf(source), objectsOf(target)];
  let [mine, its] = [await ours.next(), await theirs.next()];
  while (!mine.done || !its.done) {
    const order = mine.done ? 1 : its.done ? -1 : inOrder(mine.value.key, its.value.key);
    yield { ...(order <= 0 && { source: mine.value! }), ...(order >= 0 && { target: its.value! }) };
    if (order <= 0) mine = await ours.next();
    if (order >= 0) its = await theirs.next();
  }
}

const inOrder = (left: string, right: string): number =>
  Buffer.compare(Buffer.from(left), Buffer.from(right));

async function* objectsOf(storage: Storage): AsyncGenerator<ListedObject, undefined> {
  for (let cursor: string | undefined; ; ) {
    const page = await storage.list({ limit: pageSize, ...(cursor !== undefined && { cursor }) });
    yield* page.items;
    cursor = page.nextCursor;
    if (cursor === undefined) return undefined;
  }
}

/**
 * Whether the target was put there from what the source is now: by what both say it is made of, or by its size and by
 * having been put there later. False where that can't be told.
 */
export function isCopyOf(target: ListedObject, source: ListedObject): boolean {
  if (source.size !== target.size) return false;
  return haveSameDigest(source, target) === true || isYounger(target, source);
}

/** Undefined where their ETags are no digests of one make: in stores of two kinds, or where one was put in parts. */
export function haveSameDigest(source: ListedObject, target: ListedObject): boolean | undefined {
  const comparable = digests.some((form) => form.test(source.etag) && form.test(target.etag));
  return comparable ? source.etag === target.etag : undefined;
}

const digests = [/^[0-9a-f]{32}$/, /^[0-9a-f]{64}$/];

/** Stores have clocks of their own: what is younger than this by comparison may be older. */
const clocksDifferMs = 300_000;

const isYounger = (target: ListedObject, source: ListedObject): boolean =>
  target.modifiedAt.getTime() - clocksDifferMs > source.modifiedAt.getTime();
