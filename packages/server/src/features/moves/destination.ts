import { type MoveEnvironmentRequest, presetIsolation } from "@tenantry/contract";
import type { Db } from "../../infra/db/index.ts";
import { hasCode } from "../../kernel/index.ts";
import { findCacheServer } from "../caches/index.ts";
import { requireAvailable } from "../lifecycle/index.ts";
import { findServer, type Placements } from "../placements/index.ts";
import { findStorageServer } from "../storages/index.ts";
import type { MoveInput, PlaceMove } from "./carrier.ts";

export type DestinationParts = {
  db: Db;
  placements: Pick<Placements, "sourceOfRows" | "thingsOf" | "availableLevels">;
};

export type Destination = Pick<MoveInput, "database" | "cache" | "storage">;

const kinds = ["database", "cache", "storage"] as const;

/** What are no servers' names here: files on this machine's disk, and caches in the memory of processes. */
const [disk, memory] = ["disk", "memory"];

/**
 * Each kind of thing that has to go elsewhere so that an environment is as a request asks for; none where it is so already.
 * Throws `isolation_unavailable` for levels that can't be had, and `server_not_found`.
 */
export async function destinationOf(
  { db, placements }: DestinationParts,
  environmentId: string,
  request: MoveEnvironmentRequest,
): Promise<Destination> {
  const { preset, isolation, server, storageServer, cacheServer } = request;
  const levels = { ...(preset && presetIsolation[preset]), ...isolation };
  const files = await placements.thingsOf({ db }, environmentId, "storage");
  const cache = await placements.thingsOf({ db }, environmentId, "cache");
  const moves: Destination = {
    database: await databaseMove({ db, placements }, environmentId, { to: levels.database, server }),
    cache: placeMove(cache.current, {
      to: levels.cache,
      serverId: await idOf(cacheServer, memory, (name) => findCacheServer(db, name)),
    }),
    storage: placeMove(files.current, {
      to: levels.storage,
      serverId: await idOf(storageServer, disk, (name) => findStorageServer(db, name)),
    }),
  };
  // What it has already may be had no more.
  const stays = kinds.filter((kind) => !moves[kind]);
  const asked = Object.fromEntries(
    Object.entries(levels).filter(([kind]) => !stays.some((one) => one === kind)),
  );
  requireAvailable(asked, request, await placements.availableLevels(db));
  return Object.fromEntries(Object.entries(moves).filter(([, move]) => move !== undefined));
}

async function databaseMove(
  { db, placements }: DestinationParts,
  environmentId: string,
  wanted: { to: NonNullable<MoveInput["database"]>["to"] | undefined; server: string | undefined },
): Promise<MoveInput["database"]> {
  if (wanted.to === undefined && wanted.server === undefined) return undefined;
  const source = await placements.sourceOfRows(db, environmentId);
  const { level: from } = source;
  const to = wanted.to ?? from;
  if (wanted.server === undefined) return to === from ? undefined : { from, to };
  const serverId = (await findServer(db, wanted.server)).id;
  return to === from && serverId === source.serverId ? undefined : { from, to, serverId };
}

type Standing = { detail: Record<string, unknown>; serverId: string | null } | undefined;

function placeMove(
  now: Standing,
  { to, serverId }: { to: string | undefined; serverId: string | null | undefined },
): PlaceMove | undefined {
  if (to === undefined && serverId === undefined) return undefined;
  // In the memory of processes no level is told apart.
  const from = (now?.detail.level as string | undefined) ?? "prefix";
  const isThere = (to === undefined || to === from) && (serverId === undefined || serverId === now?.serverId);
  return isThere ? undefined : { from, to: to ?? from, ...(serverId !== undefined && { serverId }) };
}

/** Null for the place that needs no server, unless a server is called so. */
async function idOf(
  name: string | undefined,
  without: string,
  find: (name: string) => Promise<{ id: string }>,
): Promise<string | null | undefined> {
  if (name === undefined) return undefined;
  if (name !== without) return (await find(name)).id;
  return find(name).then(
    ({ id }) => id,
    (error: unknown) => {
      if (!hasCode(error, "server_not_found")) throw error;
      return null;
    },
  );
}
