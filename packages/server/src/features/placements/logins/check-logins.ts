import { type Db, isConnectionFailure } from "../../../infra/db/index.ts";
import type { Log } from "../../../infra/log/index.ts";
import type { PlacementParts } from "../parts.ts";
import { selectPlacedDatabases } from "../placements.sql.ts";
import { repairLogin } from "./repair-login.ts";

const pageSize = 100;

/**
 * Looks, one after another, whether the roles of all databases in use still have the passwords that we know, and gives
 * them back to those that haven't: a password that a role gave itself is good until the next look, even where nobody
 * logs in meanwhile. A server that doesn't answer is left for the next time.
 */
export async function checkLogins(
  { db, log, signal }: { db: Db; log: Log; signal: AbortSignal },
  parts: PlacementParts,
): Promise<void> {
  const away = new Set<string>();
  for (let after: string | undefined; ; ) {
    const page = await selectPlacedDatabases(db, after, pageSize);
    for (const { environmentId, serverId } of page) {
      if (signal.aborted) return;
      if (away.has(serverId)) continue;
      try {
        if (await repairLogin(db, parts, environmentId))
          log.warn({ environmentId }, "database.login_repaired");
      } catch (error) {
        // Only a server that is away as a whole: no tenant can keep us from looking at others.
        if (error instanceof Error && isConnectionFailure(error.cause)) away.add(serverId);
        log.warn({ environmentId, serverId, error: (error as Error).message }, "database.login_unchecked");
      }
    }
    if (page.length < pageSize) return;
    after = page.at(-1)!.environmentId;
  }
}
