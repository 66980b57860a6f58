import type { RuntimeLogin, RuntimeUser } from "@tenantry/contract";
import type { Db } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { type Clock, failure, showId } from "../../kernel/index.ts";
import { createSessionRefusal } from "./foreign-sessions.ts";
import { createLoginThrottle } from "./login-throttle.ts";
import { hashPassword, needsRehash, verifyPassword } from "./password-hash.ts";
import { createSessions, type Visitor } from "./sessions.ts";
import { replacePasswordHash, selectUserByEmail, type UserWithPassword } from "./users.sql.ts";

/** Where someone logs in. Ids are UUIDs. */
export type Place = { appId: string; tenantId: string; environmentId: string };
export type Credentials = Visitor & { email: string; password: string };
export type LogIn = ReturnType<typeof createLogIn>;

const longestEmail = 254;
const longestPassword = 256;
/** The hash of a password nobody knows: where there is no user, as much work is done as where there is one. */
const nobodysHash = hashPassword(crypto.randomUUID());
nobodysHash.catch(() => undefined);

/** Logging a tenant's users in and out. Ids are UUIDs; tokens are 43 characters of base64url. */
export function createLogIn({ db, clock, log }: { db: Db; clock: Clock; log: Log }) {
  const throttle = createLoginThrottle({ db, clock });
  const sessions = createSessions({ db, clock });
  const refuse = createSessionRefusal({ db, log, sessions });

  /** The user, if the password is theirs and they may log in. Takes as long when it isn't. */
  async function check(
    place: Place,
    { email, password }: Credentials,
  ): Promise<UserWithPassword | undefined> {
    const user = email.length > longestEmail ? undefined : await selectUserByEmail(db, place.tenantId, email);
    const hash = user?.passwordHash ?? (await nobodysHash);
    const matches = await verifyPassword(password.slice(0, longestPassword), hash);
    const mayLogIn = matches && password.length <= longestPassword && user?.status === "active";
    return mayLogIn && user.passwordHash !== null ? user : undefined;
  }

  /** Gives the user to `use` once the password is proven; undefined of it counts as a refusal, too. */
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
    const passwordHash = user?.passwordHash;
    const result = passwordHash ? await use({ ...user, passwordHash }) : undefined;
    if (!user || result === undefined) {
      log.warn({ tenantId: place.tenantId, address }, "access.login_refused");
      throw failure("login_refused");
    }
    await throttle.succeeded(attempt);
    return result;
  }

  return {
    /** Throws `login_refused` (one text for every reason) or `too_many_requests`. */
    async logIn(place: Place, credentials: Credentials): Promise<RuntimeLogin> {
      const { user, opened } = await proven(place, credentials, async (user) => {
        const opened = await sessions.open(user, place.environmentId, credentials);
        return opened && { user, opened };
      });
      if (needsRehash(user.passwordHash)) {
        await replacePasswordHash(db, user.id, user.passwordHash, await hashPassword(credentials.password));
      }
      log.info(
        { tenantId: place.tenantId, userId: user.id, address: credentials.address },
        "access.logged_in",
      );
      return { token: opened.token, expiresAt: opened.expiresAt.toISOString(), user: shown(user.id, user) };
    },

    /** Says nothing when the password is right, and throws as a log-in does; no session comes of it. */
    async prove(place: Place, credentials: Credentials): Promise<void> {
      await proven(place, credentials, async (user) => user);
    },

    /** Whose session it is; throws `session_invalid`. */
    async session(place: Place, token: string): Promise<{ user: RuntimeUser; expiresAt: string }> {
      const session = (await sessions.find(token, place.environmentId)) ?? (await refuse(place, token));
      return { user: shown(session.userId, session), expiresAt: session.expiresAt.toISOString() };
    },

    /** Ends the session. Repeatable. */
    async logOut(place: Place, token: string): Promise<void> {
      const userId = await sessions.close(token, place.environmentId);
      if (userId) log.info({ tenantId: place.tenantId, userId }, "access.logged_out");
    },
  };
}

function shown(id: string, user: Pick<RuntimeUser, "email" | "name" | "role">): RuntimeUser {
  return { id: showId("usr", id), email: user.email, name: user.name, role: user.role };
}
