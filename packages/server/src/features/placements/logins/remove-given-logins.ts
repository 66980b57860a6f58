import type { StepContext } from "../../../infra/workflow/index.ts";
import { type PlacementParts, requireDriver } from "../parts.ts";
import { requireServer } from "../servers/servers.ts";
import { selectGivenLogins } from "./given-logins.sql.ts";

/**
 * Removes the logins of an environment that were given out, one by one. What removes their database finds them by their
 * rights, which whoever was killed may have taken from them already, and not said so. Those that are
 * to be `kept` stay. Repeatable.
 */
export async function removeGivenLogins(
  parts: PlacementParts,
  context: StepContext,
  environmentId: string,
  kept: readonly string[],
): Promise<void> {
  for (const { driver, serverId, name } of await selectGivenLogins(context.db, environmentId)) {
    if (kept.includes(name)) continue;
    const server = await requireServer(context.db, parts.secrets, serverId);
    await requireDriver(parts.drivers, driver).remove(context, { server, thing: { kind: "role", name } });
  }
}
