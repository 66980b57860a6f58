import type { DatabaseLevel } from "@tenantry/contract";
import type { ProbedDatabase } from "../../drivers/database/index.ts";
import type { Db } from "../../infra/db/index.ts";
import { runtimeDatabase } from "./current.ts";
import { openDatabaseSecret, type PlacementParts, requireDriver } from "./parts.ts";
import { selectCurrentPlacements } from "./placements.sql.ts";
import { requireServer } from "./servers/servers.ts";

type Parts = Pick<PlacementParts, "drivers" | "secrets">;

/** Where one environment's things are, as its application reaches them. */
export type ExaminedPlaces = {
  database?: ProbedDatabase & { databaseId: string };
  storage?: { driver: string; serverId: string | null; physicalName: string };
  cache?: { driver: string; serverId: string | null; physicalName: string; generation: number };
};

async function examinePlaces(
  parts: Parts,
  db: Db,
  environmentIds: readonly string[],
): Promise<Map<string, ExaminedPlaces>> {
  const places = new Map<string, ExaminedPlaces>();
  for (const row of await selectCurrentPlacements(db, environmentIds)) {
    const { environmentId, kind, driver, serverId, physicalName, generation } = row;
    const own = places.get(environmentId) ?? {};
    places.set(environmentId, own);
    if (kind === "storage") own.storage = { driver, serverId, physicalName: physicalName! };
    if (kind === "cache") own.cache = { driver, serverId, physicalName: physicalName!, generation };
    if (kind !== "database") continue;
    const { url, seal, encryptionKey } = runtimeDatabase(parts, row, "server");
    own.database = {
      environmentId,
      databaseId: row.databaseId!,
      level: row.level as DatabaseLevel,
      serverId: row.serverId!,
      name: row.databaseName!,
      roleName: row.roleName,
      url,
      ...(seal && { seal }),
      ...(encryptionKey !== undefined && { encryptionKey }),
    };
  }
  return places;
}

/** For whoever verifies that nobody gets from one environment to another. */
export function createExaminer(parts: Parts) {
  return {
    /** Where environments' things are, by their UUIDs: with passwords. */
    examinePlaces: (db: Db, environmentIds: readonly string[]) => examinePlaces(parts, db, environmentIds),

    /**
     * What is wrong with an environment's database, its role and its seal, in sentences. Throws `server_unreachable`.
     * An environment without a database has nothing that could be wrong.
     */
    verifyDatabase: (db: Db, environmentId: string) => verifyDatabase(parts, db, environmentId),
  };
}

async function verifyDatabase(parts: Parts, db: Db, environmentId: string): Promise<string[]> {
  const rows = await selectCurrentPlacements(db, [environmentId]);
  const row = rows.find(({ kind }) => kind === "database");
  if (!row) return [];
  const server = await requireServer(db, parts.secrets, row.serverId!);
  const secret = { id: row.databaseId!, level: row.level!, roleSecret: row.roleSecret };
  const { encryptionKey } = openDatabaseSecret(parts.secrets, secret);
  const database = { name: row.databaseName!, roleName: row.roleName, encryptionKey };
  return requireDriver(parts.drivers, row.level!).verify(server, database);
}
