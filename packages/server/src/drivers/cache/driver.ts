import type { Cache } from "@tenantry/data";
import type { DriverContext } from "../context.ts";

/**
 * One way to give an environment a cache. Everything is repeatable. Physical names are opaque, never change, and keep
 * environments apart: what is under one can't be seen, counted or flushed through another.
 */
export type CacheDriver = {
  /** As placements name it: `memory`. */
  readonly driver: string;

  /** Whether `provision` makes nothing outside of processes: then it needn't be called. */
  readonly makesNothing?: boolean;

  nameFor(environmentId: string): string;

  /** Makes what the cache needs, and declares it first. Leaves an empty cache. */
  provision(context: DriverContext, physicalName: string, environmentId: string): Promise<void>;

  /** Reaches the cache from this process. A generation that was never used is empty. */
  handle(physicalName: string, generation: number): Cache;

  /** How an application reaches the cache: a part of its runtime snapshot. */
  location(physicalName: string): { driver: "memory"; prefix: string };

  /** What is wrong with the cache, in sentences; empty when all is as `provision` leaves it. */
  verify(physicalName: string): Promise<string[]>;

  /** Removes all that `provision` made. What isn't there counts as removed. */
  remove(context: DriverContext, physicalName: string): Promise<void>;

  /**
   * Every cache that stands, for the scan for leftovers; undefined for a driver that makes nothing outside of
   * processes, of which nothing can be left over or missing.
   */
  list(): Promise<string[] | undefined>;
};
