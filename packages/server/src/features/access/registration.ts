import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { type Clock, showId } from "../../kernel/index.ts";
import type { Settings } from "../settings/index.ts";
import { findTenantLocked } from "../tenants/index.ts";
import type { AttemptRules } from "./login-attempts.sql.ts";
import type { Place } from "./password-proof.ts";
import { addressOf, createThrottle } from "./throttle.ts";
import { addUser } from "./user-changes.ts";
import { recordUserEvent } from "./user-events.ts";
import { deleteUserRow, replaceRegistration, selectAbandoned, selectUserByEmail } from "./users.sql.ts";
import { preparePassword, requireRoom } from "./users.ts";
import { deleteVerification } from "./verifications.sql.ts";

const emailRules: AttemptRules = { free: 3, longestWaitSeconds: 900, forgetAfterSeconds: 3_600 };
/** Each is a user, of whom the tenant may have a few. */
const addressRules: AttemptRules = { free: 5, longestWaitSeconds: 900, forgetAfterSeconds: 3_600 };
/** A place that nobody takes is given free after so many days. */
const abandonedAfterDays = 7;

export type Applicant = {
  email: string;
  password: string;
  name?: string | undefined;
  /** The visitor's IP address. */
  address?: string | undefined;
};
export type Register = ReturnType<typeof createRegister>;
type Dependencies = { db: Db; clock: Clock; log: Log; settings: Settings };

/**
 * Makes a visitor of an application's a user of the tenant, with the role `viewer` and an address that isn't proven.
 *
 * Says the same, after as much work, whether or not the address is taken. Throws `too_many_requests`,
 * `user_limit_reached`, and `invalid_request` where the password is too weak.
 *
 * Who registers an address again before anybody has proven it, takes the place of whoever did it before: so nobody can
 * wait, with a password of their own, for the address's owner to prove it.
 */
export function createRegister({ db, clock, log, settings }: Dependencies) {
  const count = createThrottle({ db, clock });

  return async (place: Place, applicant: Applicant): Promise<void> => {
    const { email, password, name = null, address } = applicant;
    const { appId, tenantId } = place;
    if (address !== undefined)
      await count("register", `registration address:${addressOf({ appId, address })}`, addressRules);
    await count("register", `registration:${tenantId}:${email.toLowerCase()}`, emailRules);
    const passwordHash = await preparePassword(password, email, "/password", tenantId);
    const outcome = await inTransaction(db, async (tx) => {
      await findTenantLocked(tx, showId("tnt", tenantId));
      // Before anybody is looked for: a full house says so to everybody.
      await requireRoom(tx, settings, tenantId);
      const known = await selectUserByEmail(tx, tenantId, email);
      if (known) return await again(tx, { tenantId, id: known.id, name, passwordHash });
      const user = { tenantId, email, name, role: "viewer" as const, passwordHash };
      await addUser(tx, { ...user, emailVerified: false, selfRegistered: true });
      return "registered" as const;
    });
    log.info({ tenantId, address, outcome }, "access.registration");
  };

  async function again(
    tx: Tx,
    user: { tenantId: string; id: string; name: string | null; passwordHash: string },
  ): Promise<"registered again" | "taken"> {
    if (!(await settings.get<boolean>(tx, "requireEmailVerification"))) return "taken";
    if (!(await replaceRegistration(tx, user))) return "taken";
    await deleteVerification(tx, user.id);
    await recordUserEvent(tx, user, "user.updated", { changed: ["name", "password"] });
    return "registered again";
  }
}

/**
 * Deletes those who registered and neither proved their address nor logged in for seven days, at most `limit`; nobody
 * while the setting `requireEmailVerification` is off, since they may log in then.
 */
export async function deleteAbandonedRegistrations(
  { db, settings }: Pick<Dependencies, "db" | "settings">,
  limit: number,
): Promise<number> {
  if (!(await settings.get<boolean>(db, "requireEmailVerification"))) return 0;
  return inTransaction(db, async (tx) => {
    const abandoned = await selectAbandoned(tx, { days: abandonedAfterDays, limit });
    for (const user of abandoned) {
      await deleteUserRow(tx, user.id);
      await recordUserEvent(tx, user, "user.deleted");
    }
    return abandoned.length;
  });
}
