import { setMaxListeners } from "node:events";
import { CacheUnavailable } from "../../errors.ts";
import type { RedisAddress } from "./address.ts";
import { ConnectionLost, IdentityRefused, type RedisCommand, type RedisReply } from "./connection.ts";
import { createEndpoint, type Endpoint } from "./endpoint.ts";
import { createTurns } from "./turns.ts";

export type RedisConnectionsOptions = {
  /** To each server; 4 when left out. */
  maxConnections?: number;
  /** How long a call takes at most; 1,000 ms when left out. */
  deadlineMs?: number;
  /** How many batches one environment may have under way; 64 when left out. */
  batchesAtOnce?: number;
};

/**
 * What a process has of connections to Redis servers. They are shared by all environments: each batch says first who
 * it is from, so that Redis itself judges every command by the rights of its environment's user.
 */
export type RedisConnections = {
  /**
   * Runs a batch as the user of this address and answers its replies. With `repeatable` it is run once more when its
   * connection broke. Throws `CacheUnavailable` when there is no answer in time, `IdentityRefused` when Redis doesn't
   * know the user or gives it no right to what it asked.
   */
  run(
    address: RedisAddress,
    commands: readonly RedisCommand[],
    options?: { repeatable?: boolean },
  ): Promise<RedisReply[]>;
  /** Connections that are open now. */
  readonly open: number;
  close(): void;
};

const mostWaiting = 1_000;
const [lookForIdleEveryMs, idleAfterMs] = [60_000, 300_000];

export function createRedisConnections(options: RedisConnectionsOptions = {}): RedisConnections {
  const { maxConnections = 4, deadlineMs = 1_000, batchesAtOnce = 64 } = options;
  const endpoints = new Map<string, Endpoint>();
  const turns = createTurns(batchesAtOnce, mostWaiting);
  const idle = setInterval(closeIdle, lookForIdleEveryMs).unref();

  function closeIdle(): void {
    for (const [key, endpoint] of endpoints) {
      if (performance.now() - endpoint.lastUsedAt < idleAfterMs) continue;
      endpoint.close();
      endpoints.delete(key);
    }
  }

  function endpointOf(address: RedisAddress): Endpoint {
    const key = `${address.tls} ${address.host} ${address.port}`;
    const known = endpoints.get(key) ?? createEndpoint(address, { maxConnections, deadlineMs });
    endpoints.set(key, known);
    return known;
  }

  async function attempt(
    address: RedisAddress,
    commands: readonly RedisCommand[],
    signal: AbortSignal,
  ): Promise<RedisReply[]> {
    const endpoint = endpointOf(address);
    const connection = await inTime(endpoint.choose(address), signal);
    const sentAt = performance.now();
    try {
      const replies = await inTime(connection.send(address, commands), signal);
      const refused = replies.find(isRefusal);
      if (refused) throw new IdentityRefused((refused as Error).message);
      return replies;
    } catch (error) {
      // Not a word since we asked: it hangs, and whoever asks next would wait as long.
      if (signal.aborted && connection.heardAt < sentAt) endpoint.condemn(connection);
      throw error;
    }
  }

  return {
    async run(address, commands, { repeatable = false } = {}) {
      const signal = AbortSignal.timeout(deadlineMs);
      setMaxListeners(0, signal);
      const giveBack = await turns.take(`${address.host} ${address.port} ${address.username}`, signal);
      try {
        return await attempt(address, commands, signal).catch((error: unknown) => {
          if (!(error instanceof ConnectionLost && repeatable)) throw error;
          return attempt(address, commands, signal);
        });
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        throw new CacheUnavailable("The cache went away.", { cause: error });
      } finally {
        giveBack();
      }
    },
    get open() {
      return [...endpoints.values()].reduce((sum, endpoint) => sum + endpoint.connections, 0);
    },
    close() {
      clearInterval(idle);
      for (const endpoint of endpoints.values()) endpoint.close();
      endpoints.clear();
    },
  };
}

function isRefusal(reply: RedisReply): boolean {
  return reply instanceof Error && /^(NOPERM|NOAUTH|WRONGPASS)\b/.test(reply.message);
}

async function inTime<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(new CacheUnavailable("The cache doesn't answer in time."));
  if (signal.aborted) giveUp();
  signal.addEventListener("abort", giveUp, { once: true });
  // Should it fail later, nobody waits for it any more.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
