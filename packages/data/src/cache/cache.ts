/** What a cache holds: anything JSON can say. It comes back as a copy. */
export type CacheValue = string | number | boolean | null | CacheValue[] | { [key: string]: CacheValue };

export type CacheOptions = {
  /** Seconds until it is forgotten, above 0 and up to a year; without one it stays until room is needed. */
  ttlSeconds?: number;
};

/**
 * The cache of one environment: its keys are its own, and so is what it counts. Anything may be forgotten at any time.
 * Keys are texts of 1 to 512 bytes. Throws `InvalidArgument` for a wrong key, value or time, `ValueTooLarge` beyond
 * the size a driver takes.
 */
export type Cache = {
  get<Value = unknown>(key: string): Promise<Value | undefined>;
  /** Replaces value and time. `undefined`, functions and the like can't be stored. */
  set(key: string, value: unknown, options?: CacheOptions): Promise<void>;
  /** Whether there was something to forget. */
  delete(key: string): Promise<boolean>;
  has(key: string): Promise<boolean>;
  /**
   * Adds `by` (a whole number, 1 when left out) to a counter in one indivisible step and returns the sum. A counter that
   * isn't there begins at 0 and lives for `ttlSeconds`; one that is keeps the time it had.
   */
  increment(key: string, options?: CacheOptions & { by?: number }): Promise<number>;
  /** Forgets everything of this environment, and nothing of another. */
  flush(): Promise<void>;
};

/** The cache of a tenant, and the way to what all tenants of the application share. */
export type TenantCache = Cache & {
  /**
   * A space that all tenants of the application share, known by its name (small letters, digits, - and _; 63 at most). What
   * a tenant may not see doesn't belong there. It can be asked for outside of a tenant, too.
   */
  global(name: string): Cache;
};
