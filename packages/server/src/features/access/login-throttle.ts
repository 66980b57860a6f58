import { isIPv6 } from "node:net";
import type { Db } from "../../infra/db/index.ts";
import { type Clock, failure } from "../../kernel/index.ts";
import {
  type AttemptRules,
  countAttempt,
  forgetAttempts,
  selectBlockedUntil,
  uncountAttempt,
} from "./login-attempts.sql.ts";

const accountRules: AttemptRules = { free: 5, longestWaitSeconds: 900, forgetAfterSeconds: 3_600 };
/** Many people may sit behind one address. */
const addressRules: AttemptRules = { free: 30, longestWaitSeconds: 900, forgetAfterSeconds: 3_600 };

export type Attempt = { appId: string; tenantId: string; email: string; address: string | undefined };

/**
 * Slows guessing down, per account and per address. An attempt counts as failed from the moment it begins; `succeeded`
 * takes that back. Unknown accounts are counted as known ones are, so that nothing can be learnt from it.
 */
export function createLoginThrottle({ db, clock }: { db: Db; clock: Clock }) {
  async function count(key: string, rules: AttemptRules): Promise<void> {
    const now = clock.now();
    if (await countAttempt(db, key, now, rules)) return;
    const until = (await selectBlockedUntil(db, key))?.getTime() ?? now.getTime();
    const seconds = Math.max(1, Math.ceil((until - now.getTime()) / 1000));
    throw failure("too_many_requests", {
      detail: `There were too many attempts to log in. Try again in ${seconds} seconds.`,
      retryAfterSeconds: seconds,
    });
  }

  return {
    /** Counts the attempt; throws `too_many_requests` with the seconds to wait. */
    async begin(attempt: Attempt): Promise<void> {
      if (attempt.address !== undefined) await count(addressKey(attempt), addressRules);
      await count(accountKey(attempt), accountRules);
    },
    async succeeded(attempt: Attempt): Promise<void> {
      await forgetAttempts(db, accountKey(attempt));
      if (attempt.address !== undefined) await uncountAttempt(db, addressKey(attempt));
    },
  };
}

function accountKey({ tenantId, email }: Attempt): string {
  return `account:${tenantId}:${email.toLowerCase()}`;
}

/**
 * Applications tell their visitors' addresses: what one of them tells can't lock anybody out of another's sites. One
 * subscriber has a whole /64 of IPv6, which counts as one address.
 */
function addressKey({ appId, address = "" }: Attempt): string {
  return `address:${appId}:${isIPv6(address) ? network64(address) : address}`;
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
