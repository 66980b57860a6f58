import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import type { ListedObject, Storage } from "@tenantry/data";
import { type Ends, inLanes, unlessGone } from "./copy-files.ts";
import { haveSameDigest, type Pair, sideBySide } from "./side-by-side.ts";

export type ComparedFiles = {
  objects: number;
  bytes: number;
  /** When the youngest was put, by the clock of the place they come from; null where there are none. */
  youngestAt: string | null;
  /** What isn't the same at both ends, in sentences; no more than a few of them. */
  differences: string[];
};

const told = 3;

/**
 * Compares two places whose files nobody changes meanwhile: each file by its name, size and, where both ends can say it,
 * digest. Where digests of one make differ, as they do where the store encrypts, the contents are read. So are files that
 * no key can name counted, which a copy leaves behind.
 */
export async function compareFiles(
  { from, to }: Ends,
  { signal }: { signal: AbortSignal },
): Promise<ComparedFiles> {
  const [source, target] = [from.driver.handle(from.physicalName), to.driver.handle(to.physicalName)];
  const pairs = sideBySide(source, target);
  const compared = { objects: 0, bytes: 0, differences: [] as string[] };
  let youngest = Number.NEGATIVE_INFINITY;
  await inLanes(async () => {
    for (let next = await pairs.next(); !next.done; next = await pairs.next()) {
      signal.throwIfAborted();
      const difference = await differenceOf(next.value, { source, target, signal });
      if (difference && compared.differences.length < told) compared.differences.push(difference);
      const { source: object } = next.value;
      if (!object) continue;
      compared.objects += 1;
      compared.bytes += object.size;
      youngest = Math.max(youngest, object.modifiedAt.getTime());
    }
  });
  const { objects } = await from.driver.measure(from.physicalName);
  if (objects > compared.objects)
    compared.differences.push(`${objects - compared.objects} files have names that no key of a file can be.`);
  return { ...compared, youngestAt: objects === 0 ? null : new Date(youngest).toISOString() };
}

type Between = { source: Storage; target: Storage; signal: AbortSignal };

async function differenceOf({ source, target }: Pair, between: Between): Promise<string | undefined> {
  if (!source) return `${target!.key} is at the new place alone.`;
  if (!target) return `${source.key} isn't at the new place.`;
  if (source.size !== target.size)
    return `${source.key} has ${source.size} bytes, and ${target.size} at the new place.`;
  if (haveSameDigest(source, target) !== false) return undefined;
  const [mine, its] = await Promise.all([
    digestOf(between.source, source, between.signal),
    digestOf(between.target, target, between.signal),
  ]);
  return mine === its ? undefined : `${source.key} has another content at the new place.`;
}

async function digestOf(storage: Storage, { key }: ListedObject, signal: AbortSignal): Promise<string> {
  const content = await unlessGone(() => storage.get(key));
  if (!content) return "gone";
  const hash = createHash("sha256");
  await pipeline(content.body, hash, { signal });
  return hash.digest("hex");
}
