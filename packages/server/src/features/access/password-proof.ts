import type { Db } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { type Clock, failure } from "../../kernel/index.ts";
import { createLoginThrottle } from "./login-throttle.ts";
import { hashPassword, verifyPassword } from "./password-hash.ts";
import type { Visitor } from "./sessions.ts";
import { selectUserByEmail, type UserWithPassword } from "./users.sql.ts";

/** Of an address; longer ones are nobody's (RFC 5321). */
export const longestEmail = 254;
const longestPassword = 256;
/** The hash of a password nobody knows: where there is no user, as much work is done as where there is one. */
const nobodysHash = hashPassword(crypto.randomUUID());
nobodysHash.catch(() => undefined);

/** Where someone logs in. Ids are UUIDs. */
export type Place = { appId: string; tenantId: string; environmentId: string };
export type Credentials = Visitor & { email: string; password: string };

type Dependencies = {
  db: Db;
  clock: Clock;
  log: Log;
  isUnproven: (user: UserWithPassword) => Promise<boolean>;
};

/** Lets somebody through who knows a user's password, slowed down against guessing. */
export function createPasswordProof({ db, clock, log, isUnproven }: Dependencies) {
  const throttle = createLoginThrottle({ db, clock });

  /** The user, if the password is theirs and they may log in. Takes as long when it isn't. */
  async function check(
    place: Place,
    { email, password }: Credentials,
  ): Promise<UserWithPassword | undefined> {
    const user = email.length > longestEmail ? undefined : await selectUserByEmail(db, place.tenantId, email);
    const hash = user?.passwordHash ?? (await nobodysHash);
    const matches = await verifyPassword(password.slice(0, longestPassword), hash, place.tenantId);
    const mayLogIn = matches && password.length <= longestPassword && user?.status === "active";
    return mayLogIn && user.passwordHash !== null ? user : undefined;
  }

  /**
   * Gives the user to `use` once the password is proven; undefined of it counts as a refusal, too. That an address isn't
   * proven is told to those alone who have its password.
   */
  async function proven<Result>(
    place: Place,
    credentials: Credentials,
    use: (user: UserWithPassword & { passwordHash: string }) => Promise<Result | undefined>,
  ): Promise<Result> {
    const { email, address } = credentials;
    const attempt = { ...place, email: email.slice(0, longestEmail), address };
    await throttle.begin(attempt).catch((error: unknown) => {
      log.warn({ tenantId: place.tenantId, address }, "access.login_throttled");
      throw error;
    });
    const user = await check(place, credentials);
    if (user && (await isUnproven(user))) {
      await throttle.succeeded(attempt);
      log.warn({ tenantId: place.tenantId, userId: user.id, address }, "access.email_not_verified");
      throw failure("email_not_verified");
    }
    const passwordHash = user?.passwordHash;
    const result = passwordHash ? await use({ ...user, passwordHash }) : undefined;
    if (!user || result === undefined) {
      log.warn({ tenantId: place.tenantId, address }, "access.login_refused");
      throw failure("login_refused");
    }
    await throttle.succeeded(attempt);
    return result;
  }

  return proven;
}
