import { type Db, inTransaction } from "../../infra/db/index.ts";
import { newId, systemClock } from "../../kernel/index.ts";
import { deleteSessionsOfTenant } from "./sessions.sql.ts";
import { createSessions } from "./sessions.ts";
import { insertUser, selectUserByEmail } from "./users.sql.ts";
import { makeProof } from "./verifications.ts";

/** No password has it: nobody can log in as this user. */
const unusableHash = "!";

/**
 * A session of a tenant of the platform's own, with a user whom nobody is told of and who can't log in, and what proves
 * that user's address. End it with `endInternalSessions`.
 */
export async function openInternalSession(
  db: Db,
  place: { tenantId: string; environmentId: string; email: string },
): Promise<{ token: string; userId: string; proof: string }> {
  const { tenantId, environmentId, email } = place;
  const known = await selectUserByEmail(db, tenantId, email);
  const user =
    known ??
    (await inTransaction(db, (tx) => {
      const made = { id: newId(), tenantId, email, name: null, role: "admin" as const };
      return insertUser(tx, { ...made, passwordHash: unusableHash, emailVerified: true });
    }));
  const sessions = createSessions({ db, clock: systemClock });
  const opened = await sessions.open({ ...user, passwordHash: unusableHash }, environmentId, {});
  if (!opened) throw new Error("The canary's user was changed by somebody.");
  const proof = await inTransaction(db, (tx) => makeProof(tx, user, systemClock.now()));
  return { token: opened.token, userId: user.id, proof: proof.token };
}

/** Ends all sessions of such a tenant. */
export async function endInternalSessions(db: Db, tenantId: string): Promise<void> {
  await inTransaction(db, (tx) => deleteSessionsOfTenant(tx, tenantId));
}
