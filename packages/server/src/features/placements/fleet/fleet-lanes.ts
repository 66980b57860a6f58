import type { Db } from "../../../infra/db/index.ts";
import { type Holder, releaseBackends } from "../servers/leases.sql.ts";
import { leaseBackends } from "../servers/leases.ts";

/** Sessions of one migration: the one that watches, the one that prepares, the one that runs the files. */
const backendsPerLane = 3;

/** Databases that are migrated at once on any server, out of what is kept there for Tenantry itself. */
const ownLanes = 3;

const renewAfterMs = 10_000;

/** How many databases may be migrated at once on each server. */
export type FleetLanes = {
  on(serverId: string): Promise<number>;
  /** Gives back what was leased. */
  close(): Promise<void>;
};

/**
 * Lanes within the servers' budget of connections: a few that Tenantry has anyway, and beyond those as many as the
 * application's own share of the server leaves.
 */
export function openLanes(db: Db, holder: Holder, perServer: number): FleetLanes {
  const known = new Map<string, { lanes: number; until: number }>();
  return {
    async on(serverId) {
      if (perServer <= ownLanes) return perServer;
      const leased = known.get(serverId);
      if (leased && leased.until > Date.now()) return leased.lanes;
      const backends = await leaseBackends(db, holder, serverId, (perServer - ownLanes) * backendsPerLane);
      const lanes = ownLanes + Math.floor(backends / backendsPerLane);
      known.set(serverId, { lanes, until: Date.now() + renewAfterMs });
      return lanes;
    },
    async close() {
      if (known.size > 0) await releaseBackends(db, holder);
    },
  };
}
