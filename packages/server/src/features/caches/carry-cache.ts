import type { CacheDriver } from "../../drivers/cache/index.ts";
import type { StepContext } from "../../infra/workflow/index.ts";
import { type CachePlaces, driverOf } from "./places.ts";

/** Where an environment has its cache, as its placement says. */
export type CachedAt = {
  driver: string;
  serverId: string | null;
  physicalName: string;
  generation: number;
};

/** `left` didn't go along: there was no time or no room, or the other server is too old. */
export type CarriedCache = { keys: number; left: number };

/** Visitors wait meanwhile, and a cache may forget anything: what takes longer is left. */
const patienceMs = 30_000;

/** Lets an environment's user in, or takes its rights, where it has one. Repeatable. */
export async function admitCache(
  places: CachePlaces,
  { db }: StepContext,
  { physicalName, ...at }: CachedAt,
  admitted: boolean,
): Promise<void> {
  await driverOf(await places.all(db), at).admit(physicalName, admitted);
}

/**
 * Puts what is in one cache into another one, each key with the time that it has left. From and to the memory of processes
 * nothing goes. Repeatable.
 */
export async function carryCache(
  places: CachePlaces,
  { db, signal }: StepContext,
  { from, to }: { from: CachedAt; to: CachedAt },
): Promise<CarriedCache> {
  const all = await places.all(db);
  const [source, target]: CacheDriver[] = [driverOf(all, from), driverOf(all, to)];
  const carried = { keys: 0, left: 0 };
  if (!source?.readAll || !target?.putAll) return carried;
  const until = Date.now() + patienceMs;
  for await (const entries of source.readAll(from, signal)) {
    const taken = Date.now() > until ? 0 : await target.putAll(to, entries, signal);
    carried.keys += taken;
    carried.left += entries.length - taken;
  }
  return carried;
}
