import type { RuntimeLogin, RuntimeUser } from "@tenantry/contract";
import type { Db } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { type Clock, failure, showId } from "../../kernel/index.ts";
import type { Settings } from "../settings/index.ts";
import { createForeignTelling } from "./foreign-sessions.ts";
import { hashPassword, needsRehash } from "./password-hash.ts";
import { type Credentials, createPasswordProof, type Place } from "./password-proof.ts";
import { createSessions } from "./sessions.ts";
import { replacePasswordHash } from "./users.sql.ts";

export type LogIn = ReturnType<typeof createLogIn>;

type Dependencies = { db: Db; clock: Clock; log: Log; settings: Settings };

/** Logging a tenant's users in and out. Ids are UUIDs; tokens are 43 characters of base64url. */
export function createLogIn({ db, clock, log, settings }: Dependencies) {
  const sessions = createSessions({ db, clock });
  const tellOfForeign = createForeignTelling({
    ...{ db, log },
    event: "session.used-elsewhere",
    findForeign: sessions.findForeign,
  });

  /** Whether the address has to be proven before its user may be here. Asks only where it isn't. */
  const isUnproven = async ({ emailVerifiedAt }: { emailVerifiedAt: Date | null }): Promise<boolean> =>
    emailVerifiedAt === null && (await settings.get<boolean>(db, "requireEmailVerification"));

  const proven = createPasswordProof({ db, clock, log, isUnproven });

  return {
    /**
     * Throws `login_refused` (one text for every reason), `too_many_requests`, or `email_not_verified`, which the right
     * password alone brings about.
     */
    async logIn(place: Place, credentials: Credentials): Promise<RuntimeLogin> {
      const { user, opened } = await proven(place, credentials, async (user) => {
        const opened = await sessions.open(user, place.environmentId, credentials);
        return opened && { user, opened };
      });
      if (needsRehash(user.passwordHash)) {
        await replacePasswordHash(
          db,
          user.id,
          user.passwordHash,
          await hashPassword(credentials.password, place.tenantId),
        );
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
      const session = await sessions.find(token, place.environmentId);
      if (!session) await tellOfForeign(place, token);
      // Who logged in while addresses needn't be proven is out when they have to be.
      if (!session || (await isUnproven(session))) throw failure("session_invalid");
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
