import { CacheUnavailable } from "../../errors.ts";
import type { RedisAddress } from "./address.ts";
import { openRedisConnection, type RedisConnection, type RedisIdentity } from "./connection.ts";

export type EndpointOptions = { maxConnections: number; deadlineMs: number };

/**
 * The connections to one server: few, for however many environments, since each carries batches of all of them one
 * after another. A server that went away is tried again beside the calls, which fail at once until it is back.
 */
export type Endpoint = {
  /** A connection to send on. Rejects with `CacheUnavailable` while there is none. */
  choose(identity: RedisIdentity): Promise<RedisConnection>;
  /** The connection is of no use any more: everybody on it hears so. */
  condemn(connection: RedisConnection): void;
  readonly connections: number;
  readonly lastUsedAt: number;
  close(): void;
};

// With so many batches waiting for their answers another connection is worth while.
const busyBatches = 32;
// Changing the user costs less than waiting behind so many batches.
const worthAChange = 8;
const [firstRestMs, longestRestMs] = [100, 2_000];

export function createEndpoint(
  address: RedisAddress,
  { maxConnections, deadlineMs }: EndpointOptions,
): Endpoint {
  let open: RedisConnection[] = [];
  let opening: Promise<RedisConnection> | undefined;
  let failures = 0;
  let retryAt = 0;
  let lastUsedAt = 0;
  let closed = false;

  function startOpening(): Promise<RedisConnection> {
    const attempt = openRedisConnection(address, deadlineMs).then(
      (connection) => {
        if (closed) connection.destroy();
        else open.push(connection);
        failures = 0;
        return connection;
      },
      (error: unknown) => {
        rest();
        throw new CacheUnavailable("The cache doesn't answer.", { cause: error });
      },
    );
    opening = attempt.finally(() => {
      opening = undefined;
    });
    // Whoever waits for it hears of a failure; a connection in reserve is tried again by the next call.
    opening.catch(() => undefined);
    return opening;
  }

  function rest(): void {
    retryAt = performance.now() + Math.min(firstRestMs * 2 ** failures, longestRestMs);
    failures += 1;
  }

  function best(identity: RedisIdentity): RedisConnection {
    const least = open.reduce((a, b) => (b.inFlight < a.inFlight ? b : a));
    const same = open.find((connection) => connection.isOf(identity));
    return same && same.inFlight <= least.inFlight + worthAChange ? same : least;
  }

  return {
    async choose(identity) {
      lastUsedAt = performance.now();
      open = open.filter((connection) => connection.isOpen);
      if (open.length === 0) {
        if (failures === 0) return opening ?? startOpening();
        if (performance.now() >= retryAt && !opening) void startOpening();
        throw new CacheUnavailable("The cache doesn't answer.");
      }
      const chosen = best(identity);
      if (chosen.inFlight >= busyBatches && open.length < maxConnections && !opening) void startOpening();
      return chosen;
    },
    condemn(connection) {
      rest();
      connection.destroy();
    },
    get connections() {
      return open.length;
    },
    get lastUsedAt() {
      return lastUsedAt;
    },
    close() {
      closed = true;
      for (const connection of open) connection.destroy();
      open = [];
    },
  };
}
