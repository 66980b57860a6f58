import { InvalidArgument } from "../../errors.ts";

/** A Redis server, and who one is there: a user of its access control list, and a numbered database. */
export type RedisAddress = {
  host: string;
  port: number;
  tls: boolean;
  /** Empty for a server that asks nobody. */
  username: string;
  password: string;
  database: number;
};

/** Reads `redis://user:password@host:port/database`, or `rediss://` for TLS. Never repeats the password in errors. */
export function parseRedisUrl(text: string): RedisAddress {
  if (!URL.canParse(text)) throw new InvalidArgument(wrongUrl);
  const url = new URL(text);
  const database = Number(url.pathname.slice(1));
  if (!["redis:", "rediss:"].includes(url.protocol) || url.hostname === "")
    throw new InvalidArgument(wrongUrl);
  if (!Number.isSafeInteger(database) || database < 0) {
    throw new InvalidArgument("The number of the database in the URL isn't one.");
  }
  const password = decodeURIComponent(url.password);
  const username = decodeURIComponent(url.username) || (password && "default");
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || 6379),
    tls: url.protocol === "rediss:",
    ...{ username, password, database },
  };
}

const wrongUrl = "A Redis server's URL is redis://user:password@host:port/database, or rediss:// for TLS.";

/** The same server with somebody else's name: what an application gets. */
export function redisUrl(
  server: string,
  { username, password, database }: Pick<RedisAddress, "username" | "password" | "database">,
): string {
  const url = new URL(server);
  url.username = encodeURIComponent(username);
  url.password = encodeURIComponent(password);
  url.pathname = `/${database}`;
  return url.href;
}
