import type { RuntimeEnvironment, WithoutGeneration } from "@tenantry/contract";
import type { Cache } from "@tenantry/data";
import type { DriverContext } from "../context.ts";

/** How an application reaches an environment's cache: a part of its runtime snapshot, with secrets. */
export type CacheLocation = WithoutGeneration<NonNullable<RuntimeEnvironment["cache"]>>;

export type CacheUsage = { keys: number; bytes: number };

/** One key of a cache as it lies there, wherever the cache is. */
export type CacheEntry = {
  /** What stands behind the cache's name, or behind that and its generation. */
  key: string;
  inGeneration: boolean;
  /** Milliseconds that it has left; 0 where it stays until room is needed. */
  ttlMs: number;
  /** As its server writes it down. */
  dump: Buffer;
};

export type CachePlace = { physicalName: string; generation: number };

/**
 * One way to give an environment a cache. Everything is repeatable. Physical names are opaque, never change, and keep
 * environments apart: what is under one can't be seen, counted or flushed through another.
 */
export type CacheDriver = {
  /** As placements name it: `memory`, `redis`. */
  readonly driver: string;

  /** Whether `provision` makes nothing outside of processes: then it needn't be called. */
  readonly makesNothing?: boolean;

  nameFor(environmentId: string): string;

  /** Makes what the cache needs, and declares it first. Leaves an empty cache. */
  provision(context: DriverContext, physicalName: string, environmentId: string): Promise<void>;

  /**
   * Lets the environment's user in, with exactly the rights that `provision` gives, or takes every right away from it,
   * from connections that are open, too. What is in the cache stays.
   */
  admit(physicalName: string, admitted: boolean): Promise<void>;

  /** Reaches the cache from this process. A generation that was never used is empty. */
  handle(physicalName: string, generation: number): Cache;

  /** How an application reaches the cache: a part of its runtime snapshot, with secrets. */
  location(physicalName: string): CacheLocation;

  /**
   * Empties all generations, a piece at a time, so that nobody else waits for it; undefined where each process
   * has to do that itself, which it does for a new generation.
   */
  flush(physicalName: string, signal: AbortSignal): Promise<{ keys: number } | undefined>;

  /** Counts what there is, in time that grows with the server's keys; undefined where only processes know. */
  measure(physicalName: string, signal: AbortSignal): Promise<CacheUsage | undefined>;

  /** What is wrong with the cache, in sentences; empty when all is as `provision` leaves it. */
  verify(physicalName: string): Promise<string[]>;

  /**
   * Everything that is in the cache, a piece at a time, whether or not its user is let in; absent where only processes
   * have it. What is written meanwhile may or may not be among it.
   */
  readAll?(place: CachePlace, signal: AbortSignal): AsyncGenerator<CacheEntry[]>;

  /** Puts entries in, in place of what stands under their keys, and answers how many it took. */
  putAll?(place: CachePlace, entries: readonly CacheEntry[], signal: AbortSignal): Promise<number>;

  /** Removes all that `provision` made and all keys. What isn't there counts as removed. */
  remove(context: DriverContext, physicalName: string): Promise<void>;

  /**
   * The name of every cache of this installation that stands there, for the scan for leftovers; undefined where a cache
   * is nothing but what is in it, so that none can be left over or missing.
   */
  list(): Promise<string[] | undefined>;
};
