import { createRedisConnections, parseRedisUrl, type RedisAddress, type RedisReply } from "@tenantry/data";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { type TestRedis, testRedis } from "../../../testing/redis.ts";
import type { CacheDriver } from "../driver.ts";
import { createRedisCacheDriver, createRedisLink, type RedisLink } from "./index.ts";

/** What a tenant can do with its own credentials and any client. */
type Attacker = { name: string; other: string; run(...commands: string[][]): Promise<RedisReply[]> };

let redis: TestRedis;
let link: RedisLink;

beforeAll(async () => {
  redis = await testRedis({
    lines: ["notify-keyspace-events KEA", "enable-debug-command yes", "enable-module-command yes"],
  });
  link = createRedisLink();
});
afterAll(async () => {
  link.close();
  await redis.stop();
});

describe.each([
  { level: "user", database: 0 },
  { level: "database", database: 3 },
])("a tenant at the level $level with any command", ({ database }) => {
  let driver: CacheDriver;
  let attacker: Attacker;
  let address: RedisAddress;

  beforeEach(async () => {
    const server = { id: newId(), url: redis.url, users: true, key: Buffer.alloc(32, 5) };
    driver = createRedisCacheDriver({ installationId: newId(), server, link, database });
    const made = async () => {
      const id = newId();
      const name = driver.nameFor(id);
      await driver.provision(testContext(), name, id);
      await driver.handle(name, 1).set("secret", `of ${name}`);
      // Of every type, where a guess finds them.
      await redis.in(database, "SET", `${name}:text`, "secret");
      await redis.in(database, "HSET", `${name}:hash`, "field", "secret");
      await redis.in(database, "RPUSH", `${name}:list`, "secret");
      await redis.in(database, "SADD", `${name}:set`, "secret");
      await redis.in(database, "ZADD", `${name}:sorted`, "1", "secret");
      await redis.in(database, "XADD", `${name}:stream`, "1-1", "field", "secret");
      return name;
    };
    const [name, other] = [await made(), await made()];
    const location = driver.location(name);
    if (location.driver !== "redis") throw new Error("Not in Redis.");
    address = parseRedisUrl(location.url);
    attacker = {
      ...{ name, other },
      async run(...commands) {
        const connections = createRedisConnections({ maxConnections: 1, deadlineMs: 5_000 });
        try {
          const replies: RedisReply[] = [];
          // One at a time: a refusal of one says nothing about the next.
          for (const command of commands) {
            replies.push(
              ...(await connections.run(address, [command]).catch((error: Error): RedisReply[] => [error])),
            );
          }
          return replies;
        } finally {
          connections.close();
        }
      },
    };
  });

  const everything = async () => JSON.stringify(await dump());

  async function dump(): Promise<unknown[]> {
    const keys = ((await redis.in(database, "KEYS", `${attacker.other}*`)) as string[]).sort();
    return Promise.all(keys.map(async (key) => [key, await redis.in(database, "OBJECT", "ENCODING", key)]));
  }

  async function refused(commands: string[][]): Promise<void> {
    const before = await everything();
    const replies = await attacker.run(...commands);
    const passed = commands.filter((_command, index) => !isRefusal(replies[index]));
    expect(passed).toEqual([]);
    expect(JSON.stringify(replies)).not.toContain("secret");
    expect(await everything()).toBe(before);
  }

  test("reads and writes what begins with its own name", async () => {
    const { name } = attacker;
    const replies = await attacker.run(
      ["SET", `${name}:a`, "1", "PX", "100000"],
      ["INCR", `${name}:a`],
      ["HSET", `${name}:h`, "a", "1"],
      ["HSCAN", `${name}:h`, "0"],
      ["LPUSH", `${name}:l`, "1"],
      ["ZADD", `${name}:z`, "1", "a"],
      ["PUBLISH", `${name}:news`, "hello"],
      ["MULTI"],
      ["GET", `${name}:a`],
      ["EXEC"],
      ["PING"],
    );
    expect(replies.filter((reply) => reply instanceof Error)).toEqual([]);
    expect(replies.at(-2)).toEqual(["2"]);
  });

  test("reaches no key of another's by any command that takes keys", async () => {
    const { name, other } = attacker;
    const [text, hash, list, set, sorted, stream] = ["text", "hash", "list", "set", "sorted", "stream"].map(
      (type) => `${other}:${type}`,
    ) as [string, string, string, string, string, string];
    await refused([
      ...[
        ["GET", text],
        ["MGET", `${name}:a`, text],
        ["SET", text, "x"],
        ["GETEX", text],
        ["GETDEL", text],
      ],
      ...[
        ["GETRANGE", text, "0", "-1"],
        ["STRLEN", text],
        ["APPEND", text, "x"],
        ["INCR", text],
      ],
      ...[
        ["SETRANGE", text, "0", "x"],
        ["MSET", `${name}:a`, "1", text, "x"],
        ["MSETNX", text, "x"],
      ],
      ...[
        ["GETSET", text, "x"],
        ["SETBIT", text, "0", "1"],
        ["BITFIELD_RO", text, "GET", "u8", "0"],
      ],
      ...[
        ["BITOP", "NOT", `${name}:a`, text],
        ["BITOP", "NOT", text, `${name}:a`],
        ["BITCOUNT", text],
      ],
      ...[
        ["EXISTS", text],
        ["TYPE", text],
        ["TTL", text],
        ["TOUCH", text],
        ["DEL", text],
        ["UNLINK", text],
      ],
      ...[
        ["EXPIRE", text, "1"],
        ["PERSIST", text],
        ["RENAME", text, `${name}:a`],
        ["RENAME", `${name}:a`, text],
      ],
      ...[
        ["RENAMENX", text, `${name}:a`],
        ["DUMP", text],
        ["RESTORE", text, "0", "x"],
        ["OBJECT", "ENCODING", text],
      ],
      ...[
        ["OBJECT", "FREQ", text],
        ["MEMORY", "USAGE", text],
        ["WATCH", text],
        ["PFADD", text, "x"],
      ],
      ...[
        ["PFMERGE", `${name}:a`, text],
        ["PFCOUNT", text],
      ],
      ...[
        ["HGETALL", hash],
        ["HSCAN", hash, "0"],
        ["HSET", hash, "a", "x"],
        ["HRANDFIELD", hash],
      ],
      ...[
        ["LRANGE", list, "0", "-1"],
        ["LPOP", list],
        ["LMOVE", list, `${name}:a`, "LEFT", "LEFT"],
      ],
      ...[
        ["RPOPLPUSH", list, `${name}:a`],
        ["BLPOP", list, "1"],
        ["BLMOVE", list, `${name}:a`, "LEFT", "LEFT", "1"],
      ],
      ...[
        ["LMPOP", "1", list, "LEFT"],
        ["LPUSH", list, "x"],
        ["LPOS", list, "x"],
      ],
      ...[
        ["SMEMBERS", set],
        ["SSCAN", set, "0"],
        ["SUNIONSTORE", `${name}:a`, set],
        ["SMOVE", set, `${name}:a`, "x"],
      ],
      ...[
        ["SINTER", `${name}:a`, set],
        ["SINTERCARD", "1", set],
        ["SPOP", set],
        ["SADD", set, "x"],
      ],
      ...[
        ["ZRANGE", sorted, "0", "-1"],
        ["ZRANGESTORE", `${name}:a`, sorted, "0", "-1"],
        ["ZSCAN", sorted, "0"],
      ],
      ...[
        ["ZUNIONSTORE", `${name}:a`, "1", sorted],
        ["ZUNION", "1", sorted],
        ["ZDIFF", "1", sorted],
      ],
      ...[
        ["ZMPOP", "1", sorted, "MIN"],
        ["BZPOPMIN", sorted, "1"],
        ["GEOSEARCHSTORE", `${name}:a`, sorted, "FROMMEMBER", "x", "BYRADIUS", "1", "m"],
      ],
      ...[
        ["XREAD", "STREAMS", stream, "0"],
        ["XRANGE", stream, "-", "+"],
        ["XADD", stream, "*", "a", "b"],
      ],
      ...[
        ["XINFO", "STREAM", stream],
        ["XGROUP", "CREATE", stream, "g", "0"],
        ["XREADGROUP", "GROUP", "g", "c", "STREAMS", stream, ">"],
      ],
      ...[
        ["SORT", list],
        ["SORT", `${name}:l`, "BY", `${other}:*`],
        ["SORT", `${name}:l`, "GET", `${other}:*`],
      ],
      ...[
        ["SORT_RO", `${name}:l`, "GET", text],
        ["LCS", text, `${name}:a`],
        ["COPY", text, `${name}:a`],
      ],
    ]);
  });

  test("learns neither keys nor their number, nor anything of the server", async () => {
    await refused([
      ...[
        ["KEYS", "*"],
        ["SCAN", "0"],
        ["SCAN", "0", "MATCH", `${attacker.name}:*`],
        ["RANDOMKEY"],
        ["DBSIZE"],
      ],
      ...[["INFO"], ["INFO", "keyspace"], ["MEMORY", "STATS"], ["MEMORY", "DOCTOR"], ["LATENCY", "DOCTOR"]],
      ...[["SLOWLOG", "GET"], ["MONITOR"], ["ROLE"], ["LASTSAVE"], ["COMMAND", "COUNT"], ["OBJECT", "HELP"]],
      ...[
        ["CLIENT", "LIST"],
        ["CLIENT", "ID"],
        ["CLIENT", "INFO"],
        ["ACL", "LIST"],
        ["ACL", "USERS"],
      ],
      ...[
        ["ACL", "WHOAMI"],
        ["ACL", "GETUSER", attacker.other],
        ["ACL", "LOG"],
        ["CONFIG", "GET", "*"],
      ],
    ]);
  });

  test("leaves its database by no way", async () => {
    const { name } = attacker;
    const elsewhere = [0, 1, 3, 15].filter((number) => number !== database).map(String);
    await refused([
      ...elsewhere.map((number) => ["SELECT", number]),
      ...[
        ["MOVE", `${name}:a`, "1"],
        ["COPY", `${name}:a`, `${name}:b`, "DB", "1"],
        ["SWAPDB", "0", "1"],
      ],
      ...[["MIGRATE", "127.0.0.1", String(redis.port), `${name}:a`, "1", "1000"]],
      ...[["MIGRATE", "127.0.0.1", String(redis.port), "", "1", "1000", "KEYS", `${attacker.other}:text`]],
    ]);
  });

  test("runs no scripts and no functions", async () => {
    const key = `${attacker.other}:text`;
    await refused([
      ...[
        ["EVAL", "return redis.call('GET', KEYS[1])", "1", key],
        ["EVAL", "return 1", "0"],
      ],
      ...[
        ["EVAL", `return redis.call('GET', '${key}')`, "0"],
        ["EVAL_RO", "return 1", "0"],
      ],
      ...[
        ["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"],
        ["SCRIPT", "LOAD", "return 1"],
      ],
      ...[
        ["SCRIPT", "FLUSH"],
        ["SCRIPT", "KILL"],
        ["SCRIPT", "EXISTS", "e0e1f9fa"],
      ],
      ...[
        ["FUNCTION", "LIST"],
        ["FUNCTION", "DUMP"],
        ["FUNCTION", "FLUSH"],
        ["FCALL", "f", "0"],
      ],
      ...[["FUNCTION", "LOAD", "#!lua name=a\nredis.register_function('f', function() return 1 end)"]],
    ]);
  });

  test("administers nothing", async () => {
    await refused([
      ...[
        ["FLUSHDB"],
        ["FLUSHALL"],
        ["SHUTDOWN"],
        ["SAVE"],
        ["BGSAVE"],
        ["BGREWRITEAOF"],
        ["DEBUG", "SLEEP", "1"],
      ],
      ...[
        ["DEBUG", "JMAP"],
        ["CONFIG", "SET", "maxmemory", "1"],
        ["CONFIG", "RESETSTAT"],
        ["CONFIG", "REWRITE"],
      ],
      ...[
        ["ACL", "SETUSER", attacker.name, "allkeys"],
        ["ACL", "DELUSER", attacker.other],
        ["ACL", "SAVE"],
        ["ACL", "LOAD"],
      ],
      ...[
        ["CLIENT", "KILL", "TYPE", "normal"],
        ["CLIENT", "PAUSE", "100"],
        ["CLIENT", "NO-EVICT", "on"],
      ],
      ...[
        ["CLIENT", "UNBLOCK", "1"],
        ["CLIENT", "TRACKING", "on", "BCAST"],
        ["CLIENT", "REPLY", "OFF"],
      ],
      ...[["REPLICAOF", "127.0.0.1", "1"], ["PSYNC", "?", "-1"], ["SYNC"], ["CLUSTER", "INFO"], ["FAILOVER"]],
      ...[
        ["MODULE", "LIST"],
        ["MODULE", "LOAD", "/tmp/x.so"],
        ["WAIT", "0", "1"],
        ["READONLY"],
        ["PFDEBUG", "x", "y"],
      ],
    ]);
  });

  test("hears and says nothing on channels that aren't its own", async () => {
    const { other } = attacker;
    await refused([
      ...[
        ["PUBSUB", "CHANNELS"],
        ["PUBSUB", "NUMSUB", `${other}:news`],
        ["PUBSUB", "NUMPAT"],
      ],
      ...[
        ["PUBLISH", `${other}:news`, "x"],
        ["SPUBLISH", `${other}:news`, "x"],
        ["SSUBSCRIBE", `${other}:news`],
      ],
      ...[
        ["SUBSCRIBE", `${other}:news`],
        ["PSUBSCRIBE", "*"],
        ["PSUBSCRIBE", "__keyspace@*__:*"],
      ],
      ...[
        ["SUBSCRIBE", `__keyspace@${database}__:${other}:text`],
        ["PSUBSCRIBE", "__keyevent@*"],
      ],
      ...[["SUBSCRIBE", "__redis__:invalidate"]],
    ]);
  });

  test("isn't let in as another, nor as nobody", async () => {
    await refused([
      ["AUTH", attacker.other, address.password],
      ["AUTH", "default", ""],
      ["AUTH", "admin", ""],
      ["HELLO", "2", "AUTH", attacker.other, address.password],
    ]);
    const connections = createRedisConnections({ maxConnections: 1 });
    // RESET takes a connection back to the user `default`, which may do nothing here.
    const asNobody = { ...address, username: "", password: "", database: 0 };
    await connections.run(address, [["PING"]]);
    await connections.run({ ...address, database: 0, username: "" }, [["RESET"]]).catch(() => undefined);
    await expect(connections.run(asNobody, [["GET", `${attacker.name}:text`]])).rejects.toThrow(
      /NOAUTH|NOPERM/,
    );
    connections.close();
  });

  test("may do nothing any more from the moment it is put out, and again once it is let in", async () => {
    const connections = createRedisConnections({ maxConnections: 1 });
    const get = () => connections.run(address, [["GET", `${attacker.name}:text`]]);
    expect(await get()).toEqual(["secret"]);
    await driver.admit(attacker.name, false);
    expect(await driver.verify(attacker.name)).not.toEqual([]);
    await expect(get()).rejects.toThrow(/NOPERM|WRONGPASS/);
    await driver.admit(attacker.name, true);
    expect(await driver.verify(attacker.name)).toEqual([]);
    expect(await get()).toEqual(["secret"]);
    connections.close();
  });

  test("that was given more or less than it should have is found", async () => {
    const { name } = attacker;
    for (const [rule, told] of [
      ["~*", /keys/],
      ["&*", /channels/],
      ["+scan", /other rights.*\+scan/],
      ["+@all", /other rights/],
      ["-get", /other rights.*-get/],
      ["nopass", /no password/],
      [">guessed", /another password/],
      ["off", /off/],
      ["(+get ~*)", /selectors/],
    ] as const) {
      await redis.ask("ACL", "SETUSER", name, rule);
      expect((await driver.verify(name)).join(" "), rule).toMatch(told);
      await driver.admit(name, true);
      expect(await driver.verify(name)).toEqual([]);
    }
    await redis.ask("ACL", "DELUSER", name);
    expect(await driver.verify(name)).toEqual([`The user ${name} isn't there.`]);
  });
});

function isRefusal(reply: RedisReply | undefined): boolean {
  return (
    reply instanceof Error &&
    /NOPERM|WRONGPASS|no permission|unknown command|unknown subcommand/i.test(reply.message)
  );
}
