import type { RuntimeEnvironment } from "@tenantry/contract";
import type { Cache } from "@tenantry/data";
import type { DriverContext } from "../context.ts";

/** A server that caches stand on, with the URL by which we administer it. */
export type CacheServer = {
  id: string;
  url: string;
  /** Whether rights can be given to users of their own there; if not, applications get the server's own URL. */
  users: boolean;
};

/** One environment's cache: all that it takes to make, reach and remove it. */
export type CachePlace = {
  /** Its physical name. */
  name: string;
  /** Where it stands; drivers that keep caches in processes have none. */
  server?: CacheServer | undefined;
  /** The password of its user, where it has one. */
  password?: string | undefined;
};

export type CacheUsage = { keys: number; bytes: number };

/**
 * One way to give an environment a cache. Everything is repeatable. Physical names are opaque, never change, and keep
 * environments apart: what is under one can't be seen, counted or flushed through another.
 */
export type CacheDriver = {
  /** As placements name it: `memory`, `redis`. */
  readonly driver: string;

  /** Whether `provision` makes nothing outside of processes: then it needn't be called. */
  readonly makesNothing?: boolean;

  /** In a numbered database of the server when it is given, above 0. */
  nameFor(environmentId: string, database?: number): string;

  /** Makes what the cache needs, and declares it first. Leaves an empty cache. */
  provision(context: DriverContext, place: CachePlace, environmentId: string): Promise<void>;

  /**
   * Lets the environment's user in, with exactly the rights that `provision` gives, or takes every right away from it,
   * from connections that are open, too. What is in the cache stays.
   */
  admit(place: CachePlace, admitted: boolean): Promise<void>;

  /** Reaches the cache from this process. A generation that was never used is empty. */
  handle(place: CachePlace, generation: number): Cache;

  /** How an application reaches the cache: a part of its runtime snapshot, with the password. */
  location(place: CachePlace, generation: number): NonNullable<RuntimeEnvironment["cache"]>;

  /**
   * Empties all generations, a piece at a time, so that nobody else waits for it; undefined where each process
   * has to do that itself, which it does for a new generation.
   */
  flush(place: CachePlace, signal: AbortSignal): Promise<{ keys: number } | undefined>;

  /** Counts what there is, in time that grows with the server's keys; undefined where only processes know. */
  measure(place: CachePlace, signal: AbortSignal): Promise<CacheUsage | undefined>;

  /** What is wrong with the cache, in sentences; empty when all is as `provision` leaves it. */
  verify(place: CachePlace): Promise<string[]>;

  /** Removes all that `provision` made and all keys. What isn't there counts as removed. */
  remove(context: DriverContext, place: CachePlace): Promise<void>;

  /**
   * The name of every cache of this installation that stands on the server, for the scan for leftovers; undefined for a
   * driver that makes nothing outside of processes, of which nothing can be left over or missing.
   */
  list(server?: CacheServer): Promise<string[] | undefined>;

  /** Lets go of connections. */
  close(): Promise<void>;
};
