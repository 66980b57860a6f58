import { type DriverContext, newPassword } from "../../drivers/database/index.ts";
import type { Db } from "../../infra/db/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import type { EnvironmentLogins, Placements } from "../placements/index.ts";
import { type CredentialRow, deleteCredential, selectCredential, updateOpen } from "./credentials.sql.ts";

export type CredentialParts = { secrets: Secrets; placements: Pick<Placements, "environmentLogins"> };

const secretContext = (id: string): string => `credential:${id}`;

/** A new password as it is kept. */
export function sealNewPassword(secrets: Secrets, id: string): Buffer {
  return secrets.seal(newPassword(), secretContext(id));
}

export function loginOf(secrets: Secrets, row: Pick<CredentialRow, "id" | "roleName" | "secret">) {
  return {
    roleName: row.roleName,
    password: secrets.open(row.secret, secretContext(row.id)).toString("utf8"),
  };
}

/** Makes a login on its server what the registry says of it now, whoever else is doing so. Repeatable. */
export async function alignCredential(
  db: Db,
  where: EnvironmentLogins,
  context: DriverContext,
  { id, roleName }: Pick<CredentialRow, "id" | "roleName">,
): Promise<void> {
  const asked = { open: false };
  await where.logins.align(context, {
    server: where.place.server,
    roleName,
    async state() {
      const now = await selectCredential(db, id);
      asked.open = now?.mayOpen ?? false;
      return { open: asked.open, until: now?.expiresAt ?? undefined };
    },
  });
  await updateOpen(db, id, asked.open);
}

/** Takes a login from its server, and forgets it. Repeatable. */
export async function endCredential(
  db: Db,
  where: EnvironmentLogins,
  context: DriverContext,
  { id, roleName }: Pick<CredentialRow, "id" | "roleName">,
): Promise<void> {
  await where.remove(context, roleName);
  await deleteCredential(db, id);
}
