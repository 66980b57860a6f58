import { isIPv6 } from "node:net";
import type { Db } from "../../infra/db/index.ts";
import { type Clock, failure } from "../../kernel/index.ts";
import { type AttemptRules, countAttempt, selectBlockedUntil } from "./login-attempts.sql.ts";

/**
 * Counts an attempt at something that mustn't be tried without end; throws `too_many_requests` with the seconds to wait.
 * `what` was tried, in words: "log in".
 */
export function createThrottle({ db, clock }: { db: Db; clock: Clock }) {
  return async (what: string, key: string, rules: AttemptRules): Promise<void> => {
    const now = clock.now();
    if (await countAttempt(db, key, now, rules)) return;
    const until = (await selectBlockedUntil(db, key))?.getTime() ?? now.getTime();
    const seconds = Math.max(1, Math.ceil((until - now.getTime()) / 1000));
    throw failure("too_many_requests", {
      detail: `There were too many attempts to ${what}. Try again in ${seconds} seconds.`,
      retryAfterSeconds: seconds,
    });
  };
}

/**
 * Applications tell their visitors' addresses: what one of them tells can't lock anybody out of another's sites. One
 * subscriber has a whole /64 of IPv6, which counts as one address.
 */
export function addressOf({ appId, address }: { appId: string; address: string }): string {
  return `${appId}:${isIPv6(address) ? network64(address) : address}`;
}

function network64(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  const { hostname } = new URL(`http://[${address}]`);
  const [head = "", tail] = hostname.slice(1, -1).split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail ? tail.split(":") : [];
  if (tail !== undefined)
    groups.push(...Array.from({ length: 8 - groups.length - rest.length }, () => "0"), ...rest);
  return `${groups.slice(0, 4).join(":")}::/64`;
}
