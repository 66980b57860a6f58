import { isUniqueViolation, type Tx } from "../../infra/db/index.ts";
import { failure, newId, showId } from "../../kernel/index.ts";
import { findTenantLocked } from "../tenants/index.ts";
import { deleteSessionsOfUser } from "./sessions.sql.ts";
import { recordUserChange, recordUserEvent } from "./user-events.ts";
import { isSameAddress, verifiedAtAfter } from "./user-state.ts";
import {
  copyUserRows,
  countOtherAdmins,
  deleteUserRow,
  deleteUsersOfTenant,
  insertUser,
  lockUser,
  type NewUserRow,
  selectUserIds,
  type UserRow,
  updateUser,
} from "./users.sql.ts";
import { deleteVerification } from "./verifications.sql.ts";

// What is done to users in the caller's transaction: rows, sessions and events together.

export type ChangeRules = {
  /** Refuses with `last_admin` what would leave nobody who can log in as an admin of the tenant. */
  keepsAnAdmin?: boolean | undefined;
  /** Sees the row as it is, locked, and may refuse. */
  inspect?: ((row: UserRow) => void) | undefined;
};

/** Whether nobody logs in whose address isn't proven: the setting `requireEmailVerification`. */
type Verifying = { mustVerify: boolean };

/** Adds a user with a hash from `preparePassword`. Throws `email_taken`. */
export async function addUser(tx: Tx, user: Omit<NewUserRow, "id">): Promise<UserRow> {
  const row = await insertUser(tx, { id: newId(), ...user }).catch((error: unknown) =>
    refuseTaken(error, user.email),
  );
  await recordUserEvent(tx, row, "user.created");
  return row;
}

/** Gives a tenant another's users, as they are now, in place of those that it has. Answers how many. Repeatable. */
export async function copyUsers(tx: Tx, { from, to }: { from: string; to: string }): Promise<number> {
  await deleteUsersOfTenant(tx, to);
  const users = (await selectUserIds(tx, from)).map((like) => ({ id: newId(), like }));
  await copyUserRows(tx, to, users);
  for (const { id } of users) await recordUserEvent(tx, { tenantId: to, id }, "user.created");
  return users.length;
}

type Change = Partial<Pick<UserRow, "email" | "name" | "role" | "status">> & {
  passwordHash: string | undefined;
  /** Whether whoever changes the user vouches for the address; undefined says nothing about it. */
  emailVerified?: boolean | undefined;
};

/**
 * A new password, deactivation and an address that must be proven end the sessions. Another address voids what was made
 * to prove the one before. Throws `email_taken`; undefined when the user is gone.
 */
export async function changeUser(
  tx: Tx,
  user: UserRow,
  change: Change,
  rules: ChangeRules & Verifying,
): Promise<UserRow | undefined> {
  const row = await lock(tx, user, rules);
  if (!row) return undefined;
  const { emailVerified, ...given } = change;
  const next = { ...row, ...given, emailVerifiedAt: verifiedAtAfter(row, change) };
  if (rules.keepsAnAdmin && !canAdminister(next, rules)) await requireOtherAdmin(tx, row, rules);
  const newPassword = change.passwordHash !== undefined;
  if (newPassword || next.status === "deactivated" || isUnproven(next, rules))
    await deleteSessionsOfUser(tx, row.id);
  if (emailVerified === false || !isSameAddress(row, next)) await deleteVerification(tx, row.id);
  const saved = await updateUser(tx, next).catch((error: unknown) => refuseTaken(error, next.email));
  await recordUserChange(tx, row, saved, { newPassword });
  return saved;
}

/** Sessions go with the user. False when the user is gone. */
export async function removeUser(tx: Tx, user: UserRow, rules: ChangeRules & Verifying): Promise<boolean> {
  const row = await lock(tx, user, rules);
  if (!row) return false;
  if (rules.keepsAnAdmin) await requireOtherAdmin(tx, row, rules);
  await deleteUserRow(tx, row.id);
  await recordUserEvent(tx, row, "user.deleted");
  return true;
}

/** Ends a user's sessions and says how many there were. */
export async function endSessionsOfUser(tx: Tx, user: UserRow): Promise<number> {
  const ended = await deleteSessionsOfUser(tx, user.id);
  if (ended > 0) await recordUserEvent(tx, user, "user.sessions-ended");
  return ended;
}

/** Where an admin has to be left, the tenant too: so two can't take each other's rights at the same time. */
async function lock(
  tx: Tx,
  { tenantId, id }: UserRow,
  { keepsAnAdmin, inspect }: ChangeRules,
): Promise<UserRow | undefined> {
  if (keepsAnAdmin) await findTenantLocked(tx, showId("tnt", tenantId));
  const row = await lockUser(tx, tenantId, id);
  if (row) inspect?.(row);
  return row;
}

function isUnproven(
  { emailVerifiedAt }: Pick<UserRow, "emailVerifiedAt">,
  { mustVerify }: Verifying,
): boolean {
  return mustVerify && emailVerifiedAt === null;
}

function canAdminister(
  user: Pick<UserRow, "role" | "status" | "emailVerifiedAt">,
  verifying: Verifying,
): boolean {
  return user.role === "admin" && user.status === "active" && !isUnproven(user, verifying);
}

async function requireOtherAdmin(tx: Tx, row: UserRow, verifying: Verifying): Promise<void> {
  if (canAdminister(row, verifying) && (await countOtherAdmins(tx, row, verifying)) === 0)
    throw failure("last_admin");
}

function refuseTaken(error: unknown, email: string): never {
  if (!isUniqueViolation(error, "users_email")) throw error;
  const detail = `The tenant has a user with the address ${email} already.`;
  throw failure(
    "email_taken",
    { detail, errors: [{ pointer: "/email", message: detail }] },
    { cause: error },
  );
}
