import { createRedisConnections, parseRedisUrl, type RedisAddress, type RedisReply } from "@tenantry/data";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { type TestRedis, testRedis } from "../../../testing/redis.ts";
import type { CacheDriver } from "../driver.ts";
import { redisAttacks } from "./attack-list.ts";
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

  test.each(redisAttacks)("is refused: $group", async ({ commands }) => {
    const { name, other } = attacker;
    await refused(commands({ name, other, database, port: redis.port }));
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
    expect(await driver.verify(attacker.name)).toEqual([expect.stringMatching(/is off: it can't log in/)]);
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
