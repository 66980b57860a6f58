import { CacheUnavailable } from "../../errors.ts";
import type { RedisAddress } from "./address.ts";
import {
  ConnectionLost,
  IdentityRefused,
  type RedisCommand,
  type RedisReply,
  type RedisSending,
} from "./connection.ts";
import { type Deadline, inTime, startDeadline } from "./deadline.ts";
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
    options?: { repeatable?: boolean } & RedisSending,
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
    deadline: Deadline,
    how: RedisSending,
  ): Promise<RedisReply[]> {
    const endpoint = endpointOf(address);
    const connection = await inTime(endpoint.choose(address), deadline, tooLate);
    const sentAt = performance.now();
    try {
      const replies = await inTime(connection.send(address, commands, how), deadline, tooLate);
      const refused = replies.find(isRefusal);
      if (refused) throw new IdentityRefused((refused as Error).message);
      return replies;
    } catch (error) {
      // Not a word since we asked: it hangs, and whoever asks next would wait as long.
      if (deadline.passed && connection.heardAt < sentAt) endpoint.condemn(connection);
      throw error;
    }
  }

  return {
    async run(address, commands, { repeatable = false, ...how } = {}) {
      const deadline = startDeadline(deadlineMs);
      let giveBack: (() => void) | undefined;
      try {
        giveBack = await turns.take(`${address.host} ${address.port} ${address.username}`, deadline);
        return await attempt(address, commands, deadline, how).catch((error: unknown) => {
          if (!(error instanceof ConnectionLost && repeatable)) throw error;
          return attempt(address, commands, deadline, how);
        });
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        throw new CacheUnavailable("The cache went away.", { cause: error });
      } finally {
        deadline.stop();
        giveBack?.();
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

const tooLate = (): CacheUnavailable => new CacheUnavailable("The cache doesn't answer in time.");
