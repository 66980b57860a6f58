import type { RuntimeEnvironment } from "@tenantry/contract";
import type { Db, Tx } from "../../infra/db/index.ts";
import { showId } from "../../kernel/index.ts";
import { openDatabaseSecret, type PlacementParts, requireDriver } from "./parts.ts";
import { type CurrentPlacementRow, type PlacementKind, selectCurrentPlacements } from "./placements.sql.ts";
import { openServer } from "./servers/servers.ts";

/** Where an environment lives, for people: nothing secret. */
export type ShownPlacements = { [kind in PlacementKind]: Record<string, unknown> | null };

/** Where environments live now, as the API shows it, by the environments' UUIDs. */
export async function currentPlacements(
  db: Db | Tx,
  environmentIds: readonly string[],
): Promise<Map<string, ShownPlacements>> {
  const shown = new Map<string, ShownPlacements>();
  for (const id of environmentIds)
    shown.set(id, { database: null, storage: null, cache: null, compute: null });
  for (const row of await selectCurrentPlacements(db, environmentIds)) {
    shown.get(row.environmentId)![row.kind] = showPlacement(row);
  }
  return shown;
}

function showPlacement(row: CurrentPlacementRow): Record<string, unknown> {
  if (row.kind !== "database") return { driver: row.driver, ...row.detail, generation: row.generation };
  return {
    level: row.level,
    serverId: row.serverId && showId("srv", row.serverId),
    server: row.serverName,
    name: row.databaseName,
    schemaVersion: row.schemaVersion,
    generation: row.generation,
  };
}

type RuntimeDatabase = NonNullable<RuntimeEnvironment["database"]>;

/**
 * How an application reaches an environment's database, by the pooler where there is one: with its password, for the
 * runtime snapshot alone. Tenantry itself goes straight to the server.
 */
export function runtimeDatabase(
  { drivers, secrets }: Pick<PlacementParts, "drivers" | "secrets">,
  row: CurrentPlacementRow,
  by: "pooler" | "server" = "pooler",
): RuntimeDatabase {
  const server = openServer(secrets, { id: row.serverId!, urlSecret: row.serverUrlSecret! });
  const databaseId = row.databaseId!;
  const secret = { id: databaseId, level: row.level!, roleSecret: row.roleSecret };
  const { password, sealKey, encryptionKey } = openDatabaseSecret(secrets, secret);
  const { poolerUrl } = server;
  const entrance = by === "pooler" && poolerUrl !== undefined ? { ...server, url: poolerUrl } : server;
  const url = requireDriver(drivers, row.level!).connectionUrl(entrance, {
    name: row.databaseName!,
    roleName: row.roleName,
    password,
  });
  const level = row.level as RuntimeDatabase["level"];
  const place = {
    level,
    serverId: showId("srv", server.id),
    url,
    generation: row.generation,
    ...timeoutOf(row),
    ...(poolerUrl !== undefined && { pooled: true }),
    ...(encryptionKey !== undefined && { encryptionKey }),
  };
  if (sealKey === undefined) return place;
  const { environmentId } = row;
  return { ...place, seal: { databaseId, environmentId, key: sealKey, pooled: poolerUrl !== undefined } };
}

function timeoutOf({ statementTimeoutMs }: CurrentPlacementRow): Pick<RuntimeDatabase, "statementTimeoutMs"> {
  return statementTimeoutMs === null ? {} : { statementTimeoutMs };
}
