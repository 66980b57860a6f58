import { inTransaction } from "../../infra/db/index.ts";
import { admitCache, type CachePlaces, type CarriedCache, carryCache } from "../caches/index.ts";
import { type PlacedThing, type Placements, updatePlacementDetail } from "../placements/index.ts";
import { type Carrier, type Context, resultOf } from "./carrier.ts";

export type CacheCarrierParts = { placements: Placements; cache: CachePlaces };

/**
 * Carries a cache, with the time that each key has left, between servers; from and to the memory of processes it begins
 * empty. What it forgets on the way keeps no move from being done.
 */
export function cacheCarrier({ placements, cache }: CacheCarrierParts): Carrier {
  const things = (context: Context) => placements.thingsOf(context, context.environmentId!, "cache");
  return {
    kind: "cache",
    async check(db, { input, environmentId }) {
      const { to: level, serverId } = input.cache!;
      const wanted = { environmentId, level, serverId, region: input.region ?? undefined };
      await inTransaction(db, (tx) => cache.choose(tx, wanted));
    },
    async build(context) {
      const { region, cache: wanted } = context.input;
      const { current } = await things(context);
      return placements.placeCache(context, {
        environmentId: context.environmentId!,
        ...{ level: wanted!.to, serverId: wanted!.serverId, near: current?.serverId, next: true },
        region: region ?? undefined,
      });
    },
    async close(context) {
      const { current, next } = await things(context);
      if (current?.admitted && next) await admitCache(cache, context, current, false);
    },
    async copy(context): Promise<CarriedCache> {
      const { current: from, next: to } = await things(context);
      return from && to ? carryCache(cache, context, { from, to }) : { keys: 0, left: 0 };
    },
    verify: async () => undefined,
    async reopen(context, which) {
      const { current } = await things(context);
      if (which === "current" && current?.admitted) await admitCache(cache, context, current, true);
    },
    async arrive(tx, context) {
      const { placementId, renamed } = resultOf<PlacedThing>(context, "build", "cache")!;
      if (renamed) await updatePlacementDetail(tx, placementId, renamed);
    },
    removeOthers: (context) =>
      placements.removePlacements(context, {
        ...{ environmentId: context.environmentId!, kind: "cache" },
        butCurrent: {},
      }),
  };
}
