import { type Db, inTransaction } from "../../infra/db/index.ts";
import { type Clock, newId } from "../../kernel/index.ts";
import {
  deleteSession,
  deleteSurplusSessions,
  extendSession,
  insertSession,
  markLogin,
  type SessionRow,
  selectForeignSession,
  selectSession,
} from "./sessions.sql.ts";
import { hashOfToken, newToken } from "./token.ts";

const dayMs = 24 * 3_600_000;
/** A session ends after so long without use … */
const idleMs = 14 * dayMs;
/** … and after so long in any case. */
const longestMs = 90 * dayMs;
/** Use is written down so often at most. */
const seenEveryMs = 60_000;
const sessionsPerUser = 50;

export type Opened = { token: string; expiresAt: Date };
export type Visitor = { address?: string | undefined; userAgent?: string | undefined };

export function createSessions({ db, clock }: { db: Db; clock: Clock }) {
  return {
    /** Opens a session; undefined when the user was changed since the password was checked. */
    async open(
      user: { id: string; passwordHash: string; emailVerifiedAt: Date | null },
      environmentId: string,
      visitor: Visitor,
    ): Promise<Opened | undefined> {
      const token = newToken();
      const createdAt = clock.now();
      const expiresAt = new Date(createdAt.getTime() + idleMs);
      const opened = await inTransaction(db, async (tx) => {
        const session = { id: newId(), tokenHash: hashOfToken(token), userId: user.id, environmentId };
        const row = {
          ...session,
          createdAt,
          expiresAt,
          address: visitor.address,
          userAgent: visitor.userAgent,
        };
        if (!(await insertSession(tx, row, user))) return false;
        await markLogin(tx, user.id, createdAt);
        await deleteSurplusSessions(tx, user.id, sessionsPerUser);
        return true;
      });
      return opened ? { token, expiresAt } : undefined;
    },

    /** The session behind a token, if it is valid in this environment now; using it prolongs it. */
    async find(token: string, environmentId: string): Promise<SessionRow | undefined> {
      const now = clock.now();
      const tokenHash = hashOfToken(token);
      const session = await selectSession(db, { tokenHash, environmentId, now });
      if (!session || now.getTime() - session.seenAt.getTime() < seenEveryMs) return session;
      const expiresAt = new Date(Math.min(now.getTime() + idleMs, session.createdAt.getTime() + longestMs));
      await extendSession(db, { tokenHash, seenAt: now, expiresAt });
      return { ...session, expiresAt };
    },

    /** Whose session it is, when it is one of another tenant. */
    findForeign: (token: string, tenantId: string) =>
      selectForeignSession(db, { tokenHash: hashOfToken(token), tenantId, now: clock.now() }),

    /** Ends the session and says whose it was; undefined when there is none. */
    close: (token: string, environmentId: string) =>
      deleteSession(db, { tokenHash: hashOfToken(token), environmentId }),
  };
}
