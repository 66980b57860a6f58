import { emptyTables, markDatabase, unmarkDatabase } from "../../drivers/database/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { showId } from "../../kernel/index.ts";
import { type Drivers, driverOf } from "./drivers.ts";
import type { Subject } from "./subjects.ts";

/** The canary's object that nobody else may find. */
export const markerKeyOf = (environmentId: string): string =>
  `tenantry-canary/${showId("env", environmentId)}.txt`;

type Parts = { drivers: Drivers; log: Log };

/** The tables that each canary has and that hold nothing, by its environment: in those its rows are marks. */
export async function unmarkedTables(
  parts: Pick<Parts, "log">,
  canaries: readonly Subject[],
  signal: AbortSignal,
): Promise<Record<string, string[]>> {
  const tables: Record<string, string[]> = {};
  for (const canary of canaries) {
    const database = onPostgres(canary);
    if (!database) continue;
    tables[canary.environmentId] = await emptyTables(database, signal).catch((error: Error) => {
      tell(parts, canary, error);
      return [];
    });
  }
  return tables;
}

/**
 * Puts rows and an object where the canary's application would, for others to fail to find. Repeatable. Where its place
 * can't be opened the canary stays without, and its probes tell why.
 */
export async function markCanary(parts: Parts, canary: Subject, signal: AbortSignal): Promise<void> {
  const { places, environmentId } = canary;
  const unmarked = (error: Error) => tell(parts, canary, error);
  const database = onPostgres(canary);
  if (database) await markDatabase(database, signal).catch(unmarked);
  await driverOf(parts.drivers.storage, places.storage)
    ?.handle(places.storage!.physicalName)
    .put(markerKeyOf(environmentId), "canary\n", { contentType: "text/plain" })
    .catch(unmarked);
}

/** Takes a canary's rows away, which later migrations of its application would have to fit otherwise. Repeatable. */
export async function unmarkCanary(
  parts: Pick<Parts, "log">,
  canary: Subject,
  tables: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const database = onPostgres(canary);
  if (!database) return;
  await unmarkDatabase(database, tables, signal).catch((error: Error) => tell(parts, canary, error));
}

const onPostgres = ({ places: { database } }: Subject) =>
  database?.level === "sqlite" ? undefined : database;

function tell({ log }: Pick<Parts, "log">, { name }: Subject, { message }: Error): void {
  log.warn({ canary: name, error: message }, "isolation.canary_unmarked");
}
