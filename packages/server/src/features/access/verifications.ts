import type { RuntimeUser, Verification } from "@tenantry/contract";
import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { type Clock, failure, parseId, showId } from "../../kernel/index.ts";
import { findTenant } from "../tenants/index.ts";
import { createForeignTelling } from "./foreign-sessions.ts";
import type { AttemptRules } from "./login-attempts.sql.ts";
import { longestEmail, type Place } from "./password-proof.ts";
import { addressOf, createThrottle } from "./throttle.ts";
import { hashOfToken, newToken } from "./token.ts";
import { recordUserEvent } from "./user-events.ts";
import { isSameAddress } from "./user-state.ts";
import { lockUser, markVerified, selectUserByEmail, type UserRow } from "./users.sql.ts";
import { selectForeignVerification, selectVerification, upsertVerification } from "./verifications.sql.ts";

const lastsMs = 24 * 3_600_000;
/** Each is a mail to somebody who may not want it, and voids the one before. */
const emailRules: AttemptRules = { free: 3, longestWaitSeconds: 900, forgetAfterSeconds: 3_600 };
const addressRules: AttemptRules = { free: 10, longestWaitSeconds: 900, forgetAfterSeconds: 3_600 };

export type Verifications = ReturnType<typeof createVerifications>;
type Dependencies = { db: Db; clock: Clock; log: Log };

/**
 * Proofs that an address is its user's: a token of 43 characters of base64url that only whoever reads the address's mail
 * has [REG-7]. Good for 24 hours, in the user's tenant, for the address that it was made for, until the next one is made.
 */
export function createVerifications({ db, clock, log }: Dependencies) {
  const count = createThrottle({ db, clock });
  const tellOfForeign = createForeignTelling({
    ...{ db, log },
    event: "verification.used-elsewhere",
    findForeign: (token, tenantId) =>
      selectForeignVerification(db, { tokenHash: hashOfToken(token), tenantId, now: clock.now() }),
  });

  function told(tenantId: string, verification: Verification, by: string): Verification {
    log.info({ tenantId, userId: verification.userId, by }, "access.verification_issued");
    return verification;
  }

  return {
    /** For whoever looks after users. Throws `user_not_found`, and `email_verified` where nothing is to be proven. */
    async issue(tenant: string, user: string, by: string): Promise<Verification> {
      const { id: tenantId } = await findTenant(db, tenant);
      const id = parseId("usr", user);
      const verification = await inTransaction(db, async (tx) => {
        const row = id && (await lockUser(tx, tenantId, id));
        if (!row) throw failure("user_not_found");
        if (row.emailVerifiedAt !== null) throw failure("email_verified");
        return issue(tx, row, clock.now());
      });
      return told(tenantId, verification, by);
    },

    /**
     * For a visitor who says that the address is theirs; undefined where nobody has it, or it is proven. Throws
     * `too_many_requests`, for addresses that nobody has, too.
     */
    async issueTo(place: Place, visitor: Asking): Promise<Verification | undefined> {
      await countAsking(count, place, visitor);
      const verification = await issueWhereWanted(db, place.tenantId, visitor.email, clock.now());
      return verification && told(place.tenantId, verification, "visitor");
    },

    /**
     * Proves the address. Once: who repeats it, or does it twice at once, gets the same answer, and nothing happens.
     * Throws `verification_invalid` (one text for every reason).
     */
    async redeem(place: Place, token: string): Promise<RuntimeUser> {
      const { tenantId } = place;
      const proof = { tokenHash: hashOfToken(token), tenantId, now: clock.now() };
      const found = await selectVerification(db, proof);
      const user = found && (await inTransaction(db, (tx) => verify(tx, found.userId, proof)));
      if (!user) {
        await tellOfForeign(place, token);
        log.warn({ tenantId }, "access.verification_refused");
        throw failure("verification_invalid");
      }
      log.info({ tenantId, userId: user.id }, "access.email_verified");
      return { id: showId("usr", user.id), email: user.email, name: user.name, role: user.role };
    },
  };
}

type Asking = { email: string; address?: string | undefined };

async function countAsking(
  count: ReturnType<typeof createThrottle>,
  { appId, tenantId }: Place,
  { email, address }: Asking,
): Promise<void> {
  const what = "get another link";
  if (address !== undefined)
    await count(what, `verification address:${addressOf({ appId, address })}`, addressRules);
  await count(what, `verification:${tenantId}:${email.slice(0, longestEmail).toLowerCase()}`, emailRules);
}

async function issueWhereWanted(
  db: Db,
  tenantId: string,
  email: string,
  now: Date,
): Promise<Verification | undefined> {
  const found = email.length > longestEmail ? undefined : await selectUserByEmail(db, tenantId, email);
  if (!found) return undefined;
  return inTransaction(db, async (tx) => {
    const row = await lockUser(tx, tenantId, found.id);
    const isWanted = row?.status === "active" && row.emailVerifiedAt === null && isSameAddress(row, found);
    return isWanted ? issue(tx, row, now) : undefined;
  });
}

async function issue(tx: Tx, user: UserRow, now: Date): Promise<Verification> {
  const { token, expiresAt } = await makeProof(tx, user, now);
  await recordUserEvent(tx, user, "user.verification-issued");
  return {
    userId: showId("usr", user.id),
    email: user.email,
    token,
    expiresAt: expiresAt.toISOString(),
  };
}

/** A new token in place of the one before; nobody is told of it. */
export async function makeProof(
  tx: Tx,
  { id: userId, tenantId, email }: UserRow,
  createdAt: Date,
): Promise<{ token: string; expiresAt: Date }> {
  const token = newToken();
  const expiresAt = new Date(createdAt.getTime() + lastsMs);
  await upsertVerification(tx, {
    userId,
    tenantId,
    email,
    tokenHash: hashOfToken(token),
    createdAt,
    expiresAt,
  });
  return { token, expiresAt };
}

/** Users are locked before their tokens are read: one who gets another address meanwhile hasn't proven it. */
async function verify(
  tx: Tx,
  userId: string,
  proof: { tokenHash: Buffer; tenantId: string; now: Date },
): Promise<UserRow | undefined> {
  const user = await lockUser(tx, proof.tenantId, userId);
  const good = user && (await selectVerification(tx, proof));
  if (!good || !isSameAddress(user, good)) return undefined;
  if (user.emailVerifiedAt !== null) return user;
  await markVerified(tx, user.id, proof.now);
  await recordUserEvent(tx, user, "user.email-verified");
  return user;
}
