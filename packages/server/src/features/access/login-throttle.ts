import type { Db } from "../../infra/db/index.ts";
import type { Clock } from "../../kernel/index.ts";
import { type AttemptRules, forgetAttempts, uncountAttempt } from "./login-attempts.sql.ts";
import { addressOf, createThrottle } from "./throttle.ts";

const accountRules: AttemptRules = { free: 5, longestWaitSeconds: 900, forgetAfterSeconds: 3_600 };
/** Many people may sit behind one address. */
const addressRules: AttemptRules = { free: 30, longestWaitSeconds: 900, forgetAfterSeconds: 3_600 };

export type Attempt = { appId: string; tenantId: string; email: string; address: string | undefined };

/**
 * Slows guessing down, per account and per address. An attempt counts as failed from the moment it begins; `succeeded`
 * takes that back. Unknown accounts are counted as known ones are, so that nothing can be learnt from it.
 */
export function createLoginThrottle({ db, clock }: { db: Db; clock: Clock }) {
  const count = createThrottle({ db, clock });

  return {
    /** Counts the attempt; throws `too_many_requests` with the seconds to wait. */
    async begin(attempt: Attempt): Promise<void> {
      if (attempt.address !== undefined) await count("log in", addressKey(attempt), addressRules);
      await count("log in", accountKey(attempt), accountRules);
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

function addressKey({ appId, address = "" }: Attempt): string {
  return `address:${addressOf({ appId, address })}`;
}
