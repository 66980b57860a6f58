import { createRedisConnections, IdentityRefused, parseRedisUrl, type RedisAddress } from "@tenantry/data";
import { breach, type Probe, type ProbeAnswer, refused, skipped } from "../../probe.ts";
import type { CacheGround } from "../ground.ts";

const remedy =
  "Have its user made again (`ACL DELUSER` it: the next call makes it anew), and look who changed it.";

/** Who the application's processes are in Redis; undefined where they are who administers the server. */
function userOf({ driver, from }: CacheGround): RedisAddress | undefined {
  const location = driver.location(from.physicalName);
  if (location.driver !== "redis") return undefined;
  const address = parseRedisUrl(location.url);
  return address.username === from.physicalName ? address : undefined;
}

/** Runs each by itself, and wants Redis to refuse every one. */
async function allRefused(
  ground: CacheGround,
  commands: readonly (readonly string[])[],
): Promise<ProbeAnswer> {
  const user = userOf(ground);
  if (!user) return skipped("the server keeps no users apart; only prefixes do");
  const connections = createRedisConnections({ maxConnections: 1, deadlineMs: 5_000 });
  try {
    for (const command of commands) {
      const [reply] = await connections.run(user, [command]).catch((error: unknown) => {
        if (error instanceof IdentityRefused) return [error];
        throw error;
      });
      if (!(reply instanceof Error)) return breach(`Its user may run ${command[0]}.`);
    }
    return refused(`${commands.length} commands, refused by the server`);
  } finally {
    connections.close();
  }
}

const onRedis = ({ driver }: CacheGround): boolean => driver.driver === "redis";

/** What an environment may try with its own name and password, past any handle of ours. */
export const redisProbes: readonly Probe<CacheGround>[] = [
  {
    id: "cache.redis-keys",
    path: "cache",
    title: "read and write the neighbour's keys in Redis, under its own name",
    remedy,
    applies: onRedis,
    run(ground) {
      const key = `${ground.to.physicalName}:${ground.to.generation}`;
      const other = `${ground.to.physicalName}:tenantry-canary`;
      return allRefused(ground, [
        ["GET", key],
        ["EXISTS", key],
        ["TTL", key],
        ["SET", other, "x", "PX", "1000"],
        ["UNLINK", other],
        ["PUBLISH", other, "x"],
      ]);
    },
  },
  {
    id: "cache.redis-server",
    path: "cache",
    title: "list keys, count them, see channels and users, run scripts, look at the server",
    remedy,
    applies: onRedis,
    run: (ground) =>
      allRefused(ground, [
        ["SCAN", "0", "COUNT", "1"],
        ["RANDOMKEY"],
        ["DBSIZE"],
        ["INFO", "keyspace"],
        ["MEMORY", "DOCTOR"],
        ["PUBSUB", "CHANNELS"],
        ["ACL", "USERS"],
        ["CLIENT", "LIST"],
        ["EVAL", "return 1", "0"],
        // Never its own one.
        ["SELECT", userOf(ground)?.database === 1 ? "2" : "1"],
      ]),
  },
];
