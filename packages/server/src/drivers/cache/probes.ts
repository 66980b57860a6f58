import { breach, type Probe, refused } from "../probe.ts";
import type { CacheGround } from "./ground.ts";
import { redisProbes } from "./redis/probes.ts";

export type { CacheGround } from "./ground.ts";

const remedy =
  "See where the placements of the two lead: each must have a prefix, user or server of its own.";
const key = "tenantry-canary";

/** How one environment may try to get at what another has cached. A driver that comes later adds its own here. */
export const cacheProbes: readonly Probe<CacheGround>[] = [
  {
    id: "cache.other-key",
    path: "cache",
    title: "read what the neighbour has under the same key",
    remedy,
    async run({ driver, from, to }) {
      const [own, other] = [from, to].map((place) => driver.handle(place.physicalName, place.generation));
      await own!.delete(key);
      await other!.set(key, to.environmentId, { ttlSeconds: 60 });
      const seen = await own!.has(key);
      await other!.delete(key);
      return seen ? breach("The neighbour's value shows.") : refused("there is nothing under that key");
    },
  },
  {
    id: "cache.flush",
    path: "cache",
    title: "throw away what the neighbour has, by flushing its own",
    remedy,
    async run({ driver, from, to }) {
      const [own, other] = [from, to].map((place) => driver.handle(place.physicalName, place.generation));
      await other!.set(key, to.environmentId, { ttlSeconds: 60 });
      await own!.flush();
      const stays = await other!.has(key);
      await other!.delete(key);
      return stays
        ? refused("the neighbour's value is still there")
        : breach("The neighbour's value is gone.");
    },
  },
  ...redisProbes,
];
