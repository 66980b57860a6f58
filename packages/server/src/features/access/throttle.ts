import type { Db } from "../../infra/db/index.ts";
import { type Clock, failure, networkOf } from "../../kernel/index.ts";
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

/** Applications tell their visitors' addresses: what one of them tells can't lock anybody out of another's sites. */
export function addressOf({ appId, address }: { appId: string; address: string }): string {
  return `${appId}:${networkOf(address)}`;
}
