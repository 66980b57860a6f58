import type { DriverContext } from "../../drivers/database/index.ts";
import type { Db, Tx } from "../../infra/db/index.ts";
import { failure } from "../../kernel/index.ts";

export type PlaceKind = "storage" | "cache";

/**
 * Provides one kind of thing beside databases: files, cache. Its methods declare what they make, and may be repeated.
 */
export type PlaceDriver<Location = unknown> = {
  /** As placements name it: `fs`, `memory`. */
  readonly driver: string;
  /** Whether `provision` makes nothing that could be half made or left over: then there is nothing to wait for. */
  readonly makesNothing?: boolean;
  /** Where an environment's things will be at a level; known before they are made. */
  nameFor(environmentId: string, level: string): string;
  provision(context: DriverContext, physicalName: string, environmentId: string): Promise<void>;
  remove(context: DriverContext, physicalName: string): Promise<void>;
  /** How an application reaches it: a part of its runtime snapshot, with secrets. */
  location(physicalName: string): Location;
  /** Everything that stands, for the scan for leftovers; undefined when it makes nothing that could be left. */
  list(): Promise<string[] | undefined>;
};

/** A driver at work on one server, or on none (`serverId` null) when it needs none. */
export type PlaceOn<Location = unknown> = { driver: PlaceDriver<Location>; serverId: string | null };

/** Every way in which an installation provides one kind of thing. */
export type Places<Location = unknown> = {
  /** Every name that drivers of this kind may have here, whether or not there is a server for it now. */
  readonly drivers: readonly string[];
  /** The levels that can be had at this moment. */
  levels(db: Db | Tx): Promise<readonly string[]>;
  /** Where a new thing goes; `isolation_unavailable` or `no_capacity` when it can't be had. Locks the server's row. */
  choose(tx: Tx, wanted: PlaceWanted): Promise<PlaceOn<Location> & { detail: Record<string, unknown> }>;
  /** All there are now: what stands is found by its driver's name and its server. */
  all(db: Db | Tx): Promise<PlaceOn<Location>[]>;
};

export type PlaceWanted = {
  environmentId: string;
  level: string;
  region?: string | undefined;
  /** On this server and no other; null for where no server is needed. Any that fits when left out. */
  serverId?: string | null | undefined;
  /** Rather on this server than on another. */
  near?: string | null | undefined;
};

/** What one driver provides that needs no server, at one level. */
export function placesOf<Location>(driver: PlaceDriver<Location>, level: string): Places<Location> {
  const only = { driver, serverId: null };
  return {
    drivers: [driver.driver],
    levels: async () => [level],
    async choose(_tx, wanted) {
      if (wanted.level === level) return { ...only, detail: {} };
      throw failure("isolation_unavailable", { detail: `"${wanted.level}" isn't available here.` });
    },
    all: async () => [only],
  };
}

/** Finds who provided a thing that stands. Throws when neither that driver nor that server is there any more. */
export async function placeOf<Location>(
  places: Places<Location>,
  db: Db | Tx,
  place: { driver: string; serverId?: string | null | undefined },
): Promise<PlaceDriver<Location>> {
  const found = findPlace(await places.all(db), place);
  if (found) return found;
  throw new Error(`Nothing provides ${place.driver} on the server ${place.serverId ?? "(none)"}.`);
}

export function findPlace<Location>(
  all: readonly PlaceOn<Location>[],
  { driver, serverId = null }: { driver: string; serverId?: string | null | undefined },
): PlaceDriver<Location> | undefined {
  return all.find((one) => one.driver.driver === driver && one.serverId === serverId)?.driver;
}
