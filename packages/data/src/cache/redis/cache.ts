import { CacheUnavailable, InvalidArgument } from "../../errors.ts";
import type { Cache } from "../cache.ts";
import { checkCacheKey, checkIncrement, checkTtl, serialize } from "../check.ts";
import type { RedisCommand, RedisReply } from "./connection.ts";
import type { Epochs } from "./epochs.ts";

export type RedisCacheParts = {
  epochs: Epochs;
  /** What the cache's keys begin with. */
  space: string;
  run(commands: readonly RedisCommand[], repeatable: boolean): Promise<RedisReply[]>;
  maxValueBytes: number;
  /** Told of what came to nothing and needn't fail. */
  missed(error: Error): void;
};

type Build = (start: string) => readonly RedisCommand[];

function inEpoch({ epochs, space, run }: RedisCacheParts) {
  const by = (repeatable: boolean) => (commands: readonly RedisCommand[]) => run(commands, repeatable);
  return {
    within: (build: Build, repeatable = true) => epochs.within(space, by(repeatable), build),
    /** The same for what writes one key. */
    writing: (key: string, build: Build, repeatable = true) =>
      epochs.within(
        space,
        by(repeatable),
        (start) => build(start + key),
        (start) => ["UNLINK", start + key],
      ),
  };
}

/**
 * A cache in Redis. While Redis is away, what is read counts as forgotten and what is written is dropped, so that pages
 * are slower and don't fail; a counter, a deletion and a flush throw `CacheUnavailable`, since no answer would be true.
 */
export function redisCache(parts: RedisCacheParts): Cache {
  const { within, writing } = inEpoch(parts);

  async function orElse<Result>(instead: Result, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CacheUnavailable)) throw error;
      parts.missed(error);
      return instead;
    }
  }

  async function store(key: string, text: string, time: readonly string[]): Promise<void> {
    const [answer] = await writing(key, (full) => [["SET", full, text, ...time]]);
    if (!(answer instanceof Error)) return;
    // It is full. What stood under the key isn't what the application means any more; removing needs no room.
    await within((start) => [["UNLINK", start + key]]);
    throw new CacheUnavailable("The cache takes nothing in.", { cause: answer });
  }

  async function add(key: string, amount: number, time: readonly string[]): Promise<number> {
    const replies = await writing(key, (full) => addition(full, amount, time), false);
    const done = sure(replies.at(-1));
    const [, added, text] = Array.isArray(done) ? done : [];
    const sum = typeof added === "number" ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(sum)) return sum;
    // Beyond what a number can say exactly: taken back, as if it hadn't been.
    if (!Number.isNaN(sum)) await within((start) => [["DECRBY", start + key, String(amount)]], false);
    throw new InvalidArgument(`${JSON.stringify(key)} holds no whole number, so it can't be counted up.`);
  }

  return {
    async get<Value>(key: string) {
      checkCacheKey(key);
      return orElse(undefined, async () => {
        const [text] = await within((start) => [["GET", start + key]]);
        return parse<Value>(text);
      });
    },
    async set(key, value, { ttlSeconds } = {}) {
      checkCacheKey(key);
      const time = timeOf(ttlSeconds);
      const text = serialize(key, value, parts.maxValueBytes);
      await orElse(undefined, () => store(key, text, time));
    },
    async delete(key) {
      checkCacheKey(key);
      const [count] = await within((start) => [["UNLINK", start + key]]);
      return sure(count) === 1;
    },
    async has(key) {
      checkCacheKey(key);
      return orElse(false, async () => {
        const [count] = await within((start) => [["EXISTS", start + key]]);
        return sure(count) === 1;
      });
    },
    async increment(key, { by = 1, ttlSeconds } = {}) {
      checkCacheKey(key);
      return add(key, checkIncrement(by), timeOf(ttlSeconds));
    },
    async flush() {
      const [answer] = await parts.run([parts.epochs.end(parts.space)], true);
      sure(answer);
    },
  };
}

function timeOf(ttlSeconds: number | undefined): string[] {
  const ttlMs = checkTtl(ttlSeconds);
  return ttlMs === undefined ? [] : ["PX", String(ttlMs)];
}

/** In one transaction, so that a counter never stands without its time. Read as text, which is exact. */
function addition(key: string, amount: number, time: readonly string[]): RedisCommand[] {
  const counted = ["INCRBY", key, String(amount)];
  return [["MULTI"], ["SET", key, "0", ...time, "NX"], counted, ["GET", key], ["EXEC"]];
}

function parse<Value>(reply: RedisReply | undefined): Value | undefined {
  const text = sure(reply);
  return typeof text === "string" ? (JSON.parse(text) as Value) : undefined;
}

/** The reply, unless Redis said no: then the cache is one that can't be used just now. */
function sure(reply: RedisReply | undefined): RedisReply | undefined {
  if (reply instanceof Error) throw new CacheUnavailable("The cache can't do this now.", { cause: reply });
  return reply;
}
