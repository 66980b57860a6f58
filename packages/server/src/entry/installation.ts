import { moveRootDomain } from "../features/routing/index.ts";
import { type Db, inTransaction } from "../infra/db/index.ts";
import { newId } from "../kernel/index.ts";
import { ensureInstallation, type InstallationRow, updateRootDomain } from "./installation.sql.ts";

/**
 * Makes the installation on the first start. A root domain that was changed since takes every tenant's own host with it;
 * any number of nodes may call this at once.
 */
export async function openInstallation(db: Db, rootDomain: string): Promise<InstallationRow> {
  return inTransaction(db, async (tx) => {
    const present = await ensureInstallation(tx, { id: newId(), rootDomain });
    if (present.rootDomain === rootDomain) return present;
    await updateRootDomain(tx, rootDomain);
    await moveRootDomain(tx, { from: present.rootDomain, to: rootDomain });
    return { ...present, rootDomain };
  });
}
