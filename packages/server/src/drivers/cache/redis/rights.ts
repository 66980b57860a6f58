import { createHash } from "node:crypto";

/**
 * Every command that an environment's user may run, on keys and channels that begin with its name. A list of what is
 * allowed, not of what isn't: what a later version of Redis or a module brings is refused until somebody has thought about
 * it. All are known to 6.2. Not in it, and why:
 *
 * - SCAN, KEYS, RANDOMKEY, DBSIZE, INFO, MEMORY, PUBSUB, COMMAND: tell of keys, their number or channels of others;
 *   patterns of keys don't bind them.
 * - EVAL, FCALL, SCRIPT, FUNCTION: a script holds up everybody, and what is cached of scripts is everybody's.
 * - SORT: before 7.0 its BY and GET read any key. LCS: time and memory in proportion to a product.
 * - SELECT (but of its own database), MOVE, COPY, SWAPDB: patterns don't bind a database, so that what lay in another
 *   one would be missed when the environment goes.
 * - CLIENT (but its own name): TRACKING in broadcast mode tells of everybody's keys, LIST and KILL of everybody.
 * - DUMP, RESTORE, MIGRATE, WAIT, MONITOR, CONFIG, DEBUG, ACL, FLUSHDB, FLUSHALL and all that administers.
 */
const commands = `
  append decr decrby get getdel getex getrange getset incr incrby incrbyfloat mget mset msetnx psetex set setex setnx
  setrange strlen substr
  del exists expire expireat persist pexpire pexpireat pttl rename renamenx touch ttl type unlink
  hdel hexists hget hgetall hincrby hincrbyfloat hkeys hlen hmget hmset hrandfield hscan hset hsetnx hstrlen hvals
  blmove blpop brpop brpoplpush lindex linsert llen lmove lpop lpos lpush lpushx lrange lrem lset ltrim rpop rpoplpush
  rpush rpushx
  sadd scard sdiff sdiffstore sinter sinterstore sismember smembers smismember smove spop srandmember srem sscan sunion
  sunionstore
  bzpopmax bzpopmin zadd zcard zcount zdiff zdiffstore zincrby zinter zinterstore zlexcount zmscore zpopmax zpopmin
  zrandmember zrange zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore
  zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion zunionstore
  bitcount bitfield bitfield_ro bitop bitpos getbit setbit pfadd pfcount pfmerge
  geoadd geodist geohash geopos geosearch geosearchstore
  xack xadd xautoclaim xclaim xdel xgroup xinfo xlen xpending xrange xread xreadgroup xrevrange xtrim
  publish psubscribe punsubscribe subscribe unsubscribe
  discard exec multi unwatch watch
  echo ping client|getname client|setname
`;

const allowed = commands.trim().split(/\s+/);

/** The command that makes a user, or brings one to exactly these rights, whatever it had. */
export function grant(name: string, password: string, database: number): string[] {
  // The digest: the password itself needn't travel.
  const digest = createHash("sha256").update(password).digest("hex");
  return [
    "ACL",
    "SETUSER",
    name,
    "reset",
    "on",
    `#${digest}`,
    `~${name}:*`,
    `&${name}:*`,
    ...rules(database),
  ];
}

const digestOf = (password: string): string => createHash("sha256").update(password).digest("hex");

/** The command that takes everything from a user: from connections that are open, too. */
export const revoke = (name: string): string[] => ["ACL", "SETUSER", name, "reset"];

const rules = (database: number): string[] => [
  "-@all",
  ...allowed.map((command) => `+${command}`),
  `+select|${database}`,
];

/**
 * A user who can't log in, with the rights of an environment's. Redis sums rights up in words of its own choice, so that
 * only those of two users can be compared.
 */
export const reference = (name: string, database: number): string[] => [
  ...["ACL", "SETUSER", name, "reset"],
  ...rules(database),
];

/** What is wrong with a user, from the answers to ACL GETUSER for it and for one that has the same rights for sure. */
export function faultsOf(name: string, password: string, user: unknown, like: unknown): string[] {
  if (!Array.isArray(user)) return [`The user ${name} isn't there.`];
  const facts = factsOf(user);
  const flags = facts.get("flags") as string[];
  const has = (what: string) => [facts.get(what)].flat().some((one) => String(one ?? "") !== "");
  // As `revoke` leaves one whose tenant is suspended.
  if (!flags.includes("on") && !has("passwords") && !has("keys") && facts.get("commands") === "-@all") {
    return [`The user ${name} is off: it can't log in.`];
  }
  const faults: string[] = [];
  if (!flags.includes("on")) faults.push(`The user ${name} is off.`);
  if (flags.includes("nopass")) faults.push(`The user ${name} needs no password.`);
  const passwords = [facts.get("passwords")].flat();
  if (passwords.join(" ") !== digestOf(password)) faults.push(`The user ${name} has another password.`);
  for (const what of ["keys", "channels"] as const) {
    // Before 7.0 a list, and without the sign.
    const given = [facts.get(what)].flat().map((pattern) => String(pattern).replace(/^[~&]/, ""));
    if (given.join(" ") !== `${name}:*`) faults.push(`The user ${name} has the ${what} ${given.join(" ")}.`);
  }
  const selectors = facts.get("selectors");
  if (Array.isArray(selectors) && selectors.length > 0) faults.push(`The user ${name} has selectors.`);
  const [have, wanted] = [words(facts.get("commands")), words(factsOf(like as unknown[]).get("commands"))];
  const differing = [...have.symmetricDifference(wanted)];
  if (differing.length > 0) {
    faults.push(`The user ${name} has other rights than it should: ${differing.join(" ")}.`);
  }
  return faults;
}

function factsOf(answer: readonly unknown[]): Map<string, unknown> {
  const facts = new Map<string, unknown>();
  for (let index = 0; index < answer.length; index += 2) facts.set(String(answer[index]), answer[index + 1]);
  return facts;
}

const words = (text: unknown): Set<string> => new Set(String(text).split(" "));
