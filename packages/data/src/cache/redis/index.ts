import { CacheUnavailable, InvalidArgument } from "../../errors.ts";
import type { Cache } from "../cache.ts";
import { checkGlobalName } from "../check.ts";
import { parseRedisUrl } from "./address.ts";
import { redisCache } from "./cache.ts";
import { IdentityRefused, type RedisReply } from "./connection.ts";
import { createRedisConnections, type RedisConnectionsOptions } from "./connections.ts";
import { createEpochs } from "./epochs.ts";

export type RedisCachePlace = {
  /** With the name and password of the user whose keys begin with `prefix`. */
  url: string;
  prefix: string;
  /** Another generation is another cache, which begins empty. */
  generation: number;
  /** A space of its own within it. */
  name?: string;
};

export type RedisCachesOptions = RedisConnectionsOptions & {
  /** For one value; 1 MiB when left out. */
  maxValueBytes?: number;
  /**
   * Told when a call came to nothing for which the application needn't fail: what was read counts as forgotten, what
   * was written is dropped.
   */
  onMissed?: (place: RedisCachePlace, error: Error) => void;
};

/** Gives a user its rights back that Redis has forgotten; false when that came to nothing. */
export type RepairUser = () => Promise<boolean>;

/** The caches in Redis that a process uses, over a few connections that all share. */
export type RedisCaches = {
  /**
   * The cache of one environment; costs nothing until it is used. `repair` is asked when Redis doesn't let the user in,
   * and the call is made once more when it answers true.
   */
  open(place: RedisCachePlace, options?: { repair?: RepairUser }): Cache;
  /** Connections that are open now. */
  readonly connections: number;
  close(): void;
};

/** Prefixes of environments' keys; nothing that means something in Redis' patterns. */
const prefixForm = /^[a-z0-9_]{1,80}$/;

export function createRedisCaches(options: RedisCachesOptions = {}): RedisCaches {
  const { maxValueBytes = 1024 * 1024, onMissed = () => undefined } = options;
  const connections = createRedisConnections(options);
  const epochs = createEpochs();

  return {
    open(place, { repair = async () => false } = {}) {
      if (!prefixForm.test(place.prefix)) throw new InvalidArgument("This isn't the prefix of a cache.");
      if (place.name !== undefined) checkGlobalName(place.name);
      const address = parseRedisUrl(place.url);
      const space = [place.prefix, place.generation, place.name]
        .filter((part) => part !== undefined)
        .join(":");
      return redisCache({
        ...{ epochs, maxValueBytes, space },
        missed: (error) => onMissed(place, error),
        run: (commands, repeatable) =>
          withRepair(() => connections.run(address, commands, { repeatable }), repair),
      });
    },
    get connections() {
      return connections.open;
    },
    close: () => connections.close(),
  };
}

async function withRepair(work: () => Promise<RedisReply[]>, repair: RepairUser): Promise<RedisReply[]> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof IdentityRefused)) throw error;
    if (!(await repair())) throw notLetIn(error);
  }
  return work().catch((error: unknown) => {
    throw error instanceof IdentityRefused ? notLetIn(error) : error;
  });
}

const notLetIn = (cause: IdentityRefused): CacheUnavailable =>
  new CacheUnavailable("The cache doesn't let its user in.", { cause });
