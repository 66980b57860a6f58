import type { CacheEntry, CachePlace } from "../driver.ts";
import { type Administration, keysLike } from "./administer.ts";
import { databaseOf } from "./names.ts";

type Asked = Parameters<Administration["ask"]>[0];

/** So many are asked for at once: values may have a megabyte. */
const batch = 50;

export async function* readAll(
  administration: Administration,
  server: Asked,
  { physicalName: name, generation }: CachePlace,
  signal: AbortSignal,
): AsyncGenerator<CacheEntry[]> {
  const database = databaseOf(name);
  for await (const found of keysLike(administration, server, { pattern: `${name}:*`, database, signal })) {
    for (let start = 0; start < found.length; start += batch) {
      signal.throwIfAborted();
      const keys = found.slice(start, start + batch);
      const commands = keys.flatMap((key) => [
        ["PTTL", key],
        ["DUMP", key],
      ]);
      const replies = await administration.askAll(server, commands, database, { binary: true });
      yield keys.flatMap((key, index): CacheEntry[] => {
        const [ttl, dump] = [replies[2 * index], replies[2 * index + 1]];
        // It went since it was listed.
        if (!Buffer.isBuffer(dump) || typeof ttl !== "number" || ttl === -2) return [];
        return [{ ...relative(key, name, generation), ttlMs: Math.max(0, ttl), dump }];
      });
    }
  }
}

/** One that a server doesn't take (it is full, or older than the one that wrote it down) is left out. */
export async function putAll(
  { askAll }: Administration,
  server: Asked,
  { physicalName: name, generation }: CachePlace,
  entries: readonly CacheEntry[],
): Promise<number> {
  const commands = entries.map(({ key, inGeneration, ttlMs, dump }) => {
    const full = `${name}${inGeneration ? `:${generation}` : ""}${key}`;
    return ["RESTORE", full, String(ttlMs), dump, "REPLACE"];
  });
  const replies = await askAll(server, commands, databaseOf(name));
  return replies.filter((reply) => !(reply instanceof Error)).length;
}

/** A key of another name and generation: what the environment's processes work with is numbered by that. */
function relative(key: string, name: string, generation: number): Pick<CacheEntry, "key" | "inGeneration"> {
  const behind = key.slice(name.length);
  const mark = `:${generation}`;
  const inGeneration = behind === mark || behind.startsWith(`${mark}:`);
  return { key: inGeneration ? behind.slice(mark.length) : behind, inGeneration };
}
