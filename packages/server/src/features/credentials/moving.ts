import type { Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import type { StepContext } from "../../infra/workflow/index.ts";
import { hasCode, newId } from "../../kernel/index.ts";
import type { EnvironmentLogins } from "../placements/index.ts";
import {
  type CredentialRow,
  deleteCredential,
  insertCredential,
  selectCredential,
  selectCredentials,
  updateCurrent,
} from "./credentials.sql.ts";
import { alignCredential, type CredentialParts, loginOf, sealNewPassword } from "./parts.ts";

type Whose = { slug: string; environment: string };

/** Opens and closes an environment's logins, where it lives, as they should be at this moment. Repeatable. */
export async function alignLogins(parts: CredentialParts, context: StepContext): Promise<void> {
  const { db, environmentId } = context;
  const rows = await selectCredentials(db, environmentId!);
  if (rows.length === 0) return;
  const where = await parts.placements.environmentLogins(db, environmentId!);
  for (const row of rows) {
    if (row.placementId === where.placementId && row.state !== "creating")
      await alignCredential(db, where, context, row);
  }
}

/**
 * Gives an environment that has come to another place a login there, if it had one where it comes from: with another
 * name, password and address. Those of the old place are forgotten, and go with it. Repeatable.
 */
export async function carryLogins(
  parts: CredentialParts,
  context: StepContext,
  whose: Whose,
): Promise<{ user: string | null }> {
  const { db } = context;
  const environmentId = context.environmentId!;
  const rows = await selectCredentials(db, environmentId);
  if (rows.length === 0) return { user: null };
  const where = await placeOfLogins(parts, context);
  const old = rows.filter(({ placementId }) => placementId !== where?.placementId);
  const had = rows.some(({ state }) => state === "current");
  const standing = rows.find(({ placementId }) => placementId === where?.placementId);
  if (!where || (!standing && !had)) {
    await context.transaction((tx) => forget(tx, context, { whose, old, revoked: had }));
    return { user: null };
  }
  const row = standing ?? (await begin(parts, context, where));
  if (row.state === "creating") {
    await where.logins.place(context, { ...where.place, login: loginOf(parts.secrets, row) });
    await context.transaction(async (tx) => {
      await forget(tx, context, { whose, old, revoked: false });
      await updateCurrent(tx, row.id);
      const data = { ...whose, user: row.roleName, previousUntil: new Date().toISOString() };
      await tell(tx, context, "environment.credentials-issued", data);
    });
  }
  await alignCredential(db, where, context, row);
  return { user: row.roleName };
}

/** Undefined where nobody logs in: at a file. */
async function placeOfLogins(
  { placements }: CredentialParts,
  { db, environmentId }: StepContext,
): Promise<EnvironmentLogins | undefined> {
  return placements.environmentLogins(db, environmentId!).catch((error: unknown) => {
    if (hasCode(error, "isolation_unavailable")) return undefined;
    throw error;
  });
}

async function begin(
  { secrets }: CredentialParts,
  context: StepContext,
  { placementId, logins }: EnvironmentLogins,
): Promise<CredentialRow> {
  const [id, environmentId] = [newId(), context.environmentId!];
  return context.transaction(async (tx) => {
    const secret = sealNewPassword(secrets, id);
    await insertCredential(tx, { id, environmentId, placementId, roleName: logins.nameOf(id), secret });
    return (await selectCredential(tx, id))!;
  });
}

async function forget(
  tx: Tx,
  context: StepContext,
  { whose, old, revoked }: { whose: Whose; old: readonly CredentialRow[]; revoked: boolean },
): Promise<void> {
  for (const { id } of old) await deleteCredential(tx, id);
  if (revoked) await tell(tx, context, "environment.credentials-revoked", whose);
}

function tell(
  tx: Tx,
  { tenantId, environmentId }: StepContext,
  ...[name, data]:
    | ["environment.credentials-issued", Whose & { user: string; previousUntil: string | null }]
    | ["environment.credentials-revoked", Whose]
): Promise<void> {
  const of = { tenantId: tenantId!, environmentId: environmentId! };
  return name === "environment.credentials-issued"
    ? recordEvent(tx, { name, ...of, data })
    : recordEvent(tx, { name, ...of, data });
}
