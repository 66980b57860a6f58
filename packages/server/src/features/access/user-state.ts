import type { UserRow } from "./users.sql.ts";

type Address = Pick<UserRow, "email">;

/** Upper and lower case are one address, as the registry's index has it. */
export function isSameAddress(one: Address, other: Address): boolean {
  return one.email.toLowerCase() === other.email.toLowerCase();
}

/** When a user's address counts as verified after a change: what was said of one address says nothing of another. */
export function verifiedAtAfter(
  row: Pick<UserRow, "email" | "emailVerifiedAt">,
  change: { email?: string | undefined; emailVerified?: boolean | undefined },
  now: Date = new Date(),
): Date | null {
  const { email = row.email, emailVerified } = change;
  const before = isSameAddress(row, { email }) ? row.emailVerifiedAt : null;
  if (emailVerified === undefined) return before;
  return emailVerified ? (before ?? now) : null;
}
