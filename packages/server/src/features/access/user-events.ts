import type { EventData, EventName } from "@tenantry/contract";
import type { Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import { showId } from "../../kernel/index.ts";
import type { UserRow } from "./users.sql.ts";

type UserEvent = Extract<EventName, `user.${string}`>;
type MoreData<Name extends UserEvent> = Omit<EventData<Name>, "userId">;

/** Puts into the outbox what became of a user. Call it last in the transaction. */
export async function recordUserEvent<Name extends UserEvent>(
  tx: Tx,
  { tenantId, id }: Pick<UserRow, "tenantId" | "id">,
  name: Name,
  ...[more]: keyof MoreData<Name> extends never ? [] : [MoreData<Name>]
): Promise<void> {
  const data = { userId: showId("usr", id), ...more } as EventData<Name>;
  await recordEvent(tx, { name, tenantId, data });
}

/** What is different in a user after a change; nothing, when nothing is. */
export async function recordUserChange(
  tx: Tx,
  before: UserRow,
  after: UserRow,
  { newPassword }: { newPassword: boolean },
): Promise<void> {
  const fields = (["email", "name", "role"] as const).filter((field) => before[field] !== after[field]);
  const isVerified = after.emailVerifiedAt !== null;
  const lost = before.emailVerifiedAt !== null && !isVerified;
  const changed = [...fields, ...(lost ? ["emailVerifiedAt"] : []), ...(newPassword ? ["password"] : [])];
  if (changed.length > 0) await recordUserEvent(tx, after, "user.updated", { changed });
  if (isVerified && before.emailVerifiedAt?.getTime() !== after.emailVerifiedAt?.getTime())
    await recordUserEvent(tx, after, "user.email-verified");
  if (before.status === after.status) return;
  await recordUserEvent(tx, after, after.status === "active" ? "user.activated" : "user.deactivated");
}
