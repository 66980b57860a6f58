import { randomBytes } from "node:crypto";
import { createRedisConnections, IdentityRefused, parseRedisUrl, type RedisAddress } from "@tenantry/data";
import { type Administration, createAdministration, innermost, saveUsers } from "./administer.ts";
import { grant } from "./rights.ts";

export type CacheServerCheck =
  | {
      usable: true;
      /** `7.0.15` */
      version: string;
      /** Whether it keeps users apart: without, prefixes alone do. */
      users: boolean;
      /** How many numbered databases it has. */
      databases: number;
      /** What works but should be known, in sentences. */
      warnings: string[];
    }
  | {
      usable: false;
      /** What has to change before the server can be used, in sentences. */
      missing: string[];
    };

/**
 * Looks whether caches can stand on the Redis behind `url`, by making a user there and trying its rights. Leaves nothing
 * behind, and never repeats the password.
 */
export async function checkCacheServer(url: string, deadlineMs = 5_000): Promise<CacheServerCheck> {
  let address: RedisAddress;
  try {
    address = parseRedisUrl(url);
  } catch (error) {
    return { usable: false, missing: [(error as Error).message] };
  }
  const connections = createRedisConnections({ maxConnections: 1, deadlineMs });
  const administration = createAdministration(connections);
  try {
    return await examine(administration, url, address);
  } catch (error) {
    return { usable: false, missing: [reasonOf(error, address)] };
  } finally {
    administration.close();
  }
}

async function examine(
  administration: Administration,
  url: string,
  address: RedisAddress,
): Promise<CacheServerCheck> {
  const ask = (...command: string[]) => administration.ask({ url }, command);
  const info = factsOf(String(await ask("INFO")));
  const version = info.get("redis_version") ?? "0";
  const missing: string[] = [];
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < 6 || (major === 6 && minor < 2)) {
    missing.push(`It runs Redis ${version}; 6.2 is the oldest that keeps users' channels apart.`);
  }
  if (info.get("cluster_enabled") === "1") missing.push("It is a cluster; one server is needed.");
  if (info.get("redis_mode") === "sentinel") {
    missing.push(
      "It is a Sentinel, which keeps no keys; the primary that it watches is needed, by a name that follows it.",
    );
  }
  if (info.get("role") === "slave") missing.push("It is a replica; the primary is needed.");
  if (address.database !== 0) missing.push("The URL names a database; Tenantry chooses it: leave it out.");
  if (missing.length > 0) return { usable: false, missing };
  const warnings = warningsOf(info, address);
  const lacking = await whyNoUsers(administration, url, address);
  if (lacking)
    warnings.push(`${lacking} So only the level prefix is possible, and applications get the server's URL.`);
  else if (!(await saveUsers(administration, { url }))) {
    warnings.push(
      "It forgets its users when it restarts, and gets them again then; an aclfile would keep them.",
    );
  }
  return {
    usable: true,
    version,
    users: !lacking,
    databases: await countDatabases(administration, url),
    warnings,
  };
}

function factsOf(info: string): Map<string, string> {
  const lines = info.split("\r\n").filter((line) => line.includes(":"));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
}

const localHosts = ["localhost", "127.0.0.1", "::1"];

function warningsOf(info: Map<string, string>, address: RedisAddress): string[] {
  const warnings: string[] = [];
  if (!address.tls && !localHosts.includes(address.host)) {
    warnings.push("The connection isn't encrypted; use rediss://.");
  }
  if (info.get("maxmemory") === "0") {
    warnings.push("It has no limit of memory: set maxmemory, and maxmemory-policy allkeys-lru.");
  } else if (info.get("maxmemory_policy") === "noeviction") {
    warnings.push("When it is full it takes nothing in: set maxmemory-policy allkeys-lru.");
  }
  return warnings;
}

/** Why users can't be kept apart there; undefined when they can, which a user made for that shows. */
async function whyNoUsers(
  administration: Administration,
  url: string,
  address: RedisAddress,
): Promise<string | undefined> {
  const nobody = { ...address, username: "", password: "" };
  const connections = createRedisConnections({ maxConnections: 1 });
  const name = `tnk_check_${randomBytes(8).toString("hex")}`;
  const password = randomBytes(24).toString("base64url");
  const ask = (...command: string[]) => administration.ask({ url }, command);
  try {
    const [answer] = await connections.run(nobody, [["PING"]]).catch(refusalAsReply);
    if (!(answer instanceof Error)) return "It lets everybody in without a password.";
    await administration.ask({ url }, grant(name, password, 0));
    await ask("SCAN", "0", "COUNT", "1");
    const user = { ...address, username: name, password };
    const [own] = await connections.run(user, [["EXISTS", `${name}:a`]]);
    const [others] = await connections.run(user, [["EXISTS", `${name}`]]).catch(refusalAsReply);
    if (own !== 0 || !(others instanceof Error)) return "Its users have more rights than they are given.";
    return undefined;
  } catch (error) {
    return `The user ${address.username} can't give others rights (${(error as Error).message}).`;
  } finally {
    connections.close();
    await ask("ACL", "DELUSER", name).catch(() => undefined);
  }
}

function refusalAsReply(error: unknown): Error[] {
  if (error instanceof IdentityRefused) return [error];
  throw error;
}

const mostDatabases = 10_000;

async function countDatabases({ ask }: Administration, url: string): Promise<number> {
  try {
    const [, count] = (await ask({ url }, ["CONFIG", "GET", "databases"])) as string[];
    return Math.min(Number(count ?? 1), mostDatabases);
  } catch {
    // Managed servers keep CONFIG to themselves: then no number is known to be there but 0.
    return 1;
  }
}

function reasonOf(error: unknown, address: RedisAddress): string {
  const cause = innermost(error as Error);
  if (error instanceof IdentityRefused || cause instanceof IdentityRefused) {
    return `It doesn't let ${address.username || "anybody"} in: ${cause.message}.`;
  }
  return `It doesn't answer: ${cause.message.replace(/\.$/, "")}.`;
}
