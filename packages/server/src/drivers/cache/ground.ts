import type { CacheDriver } from "./driver.ts";

export type ProbedCache = {
  /** A UUID. */
  environmentId: string;
  physicalName: string;
  generation: number;
};

/** The caches of two canaries. */
export type CacheGround = { driver: CacheDriver; from: ProbedCache; to: ProbedCache; signal: AbortSignal };
