import { createDb, type Db, inTransaction } from "../infra/db/index.ts";
import { encodeUuid } from "../kernel/index.ts";
import {
  createRegistryRole,
  grantReading,
  grantRegistryRole,
  lockRegistryRole,
  requireReading,
} from "./registry-role.sql.ts";

/** The role that an installation's gateways work as in the registry. Roles are a server's, so each has its own. */
export function registryRoleName(installationId: string): string {
  return `tenantry_gateway_${encodeUuid(installationId)}`;
}

export type RegistryRole = { role: string } | { role: undefined; reason: string };

/**
 * Makes the role that can read what a gateway reads and nothing else, and tries it out. Safe to repeat and to race.
 * Where the login may not make roles, the answer says why; a gateway then works with the login's own rights.
 */
export async function prepareRegistryRole(
  db: Db,
  url: string,
  installationId: string,
): Promise<RegistryRole> {
  const role = registryRoleName(installationId);
  try {
    await inTransaction(db, async (tx) => {
      await lockRegistryRole(tx);
      await createRegistryRole(tx, role);
      await grantRegistryRole(tx, role);
      await grantReading(tx, role);
    });
    await tryRegistryRole(url, role);
    return { role };
  } catch (error) {
    return { role: undefined, reason: (error as Error).message };
  }
}

/** Rejects unless one can connect and work as the role. */
export async function tryRegistryRole(url: string, role: string): Promise<void> {
  const db = createDb({ url, role, applicationName: "tenantry gateway", maxConnections: 1 });
  try {
    await requireReading(db, role);
  } finally {
    await db.destroy();
  }
}
