import { markDatabase } from "../../drivers/database/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { showId } from "../../kernel/index.ts";
import { type Drivers, driverOf } from "./drivers.ts";
import type { Subject } from "./subjects.ts";

/** The canary's object that nobody else may find. */
export const markerKeyOf = (environmentId: string): string =>
  `tenantry-canary/${showId("env", environmentId)}.txt`;

/**
 * Puts rows and an object where the canary's application would, for others to fail to find. Repeatable. Where its place
 * can't be opened the canary stays without, and its probes tell why.
 */
export async function markCanary(
  parts: { drivers: Drivers; log: Log },
  { places, environmentId, name }: Subject,
  signal: AbortSignal,
): Promise<void> {
  const unmarked = (error: Error) =>
    parts.log.warn({ canary: name, error: error.message }, "isolation.canary_unmarked");
  if (places.database) await markDatabase(places.database, signal).catch(unmarked);
  await driverOf(parts.drivers.storage, places.storage)
    ?.handle(places.storage!.physicalName)
    .put(markerKeyOf(environmentId), "canary\n", { contentType: "text/plain" })
    .catch(unmarked);
}
