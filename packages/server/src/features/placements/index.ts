/**
 * Where environments live: database servers, databases (blueprints, spares and those in use), placements with their
 * generations, and the budget of connections [ISO-3, REG-4].
 */
export type { RowsCopied } from "./copy-rows.ts";
export { currentPlacements, type ShownPlacements } from "./current.ts";
export { countDrift, type DriftRow, type DriftScope, selectDrifted } from "./drift.sql.ts";
export { checkDrift, type DriftInput } from "./drift.ts";
export type { ExaminedPlaces } from "./examine.ts";
export {
  deleteFailuresOf,
  type FleetScope,
  type FleetTally,
  type GivenUp,
  isPending,
  selectGivenUp,
} from "./fleet.sql.ts";
export type { FleetWork } from "./fleet.ts";
export { type Holder, releaseBackends } from "./leases.sql.ts";
export { leaseBackends } from "./leases.ts";
export { selectTraces, type Traces } from "./leftovers.sql.ts";
export type { Leftover } from "./leftovers.ts";
export type { EnvironmentLogins } from "./login-place.ts";
export type { PlacementParts } from "./parts.ts";
export { type PlaceDriver, type PlaceOn, type Places, type PlaceWanted, placesOf } from "./place-driver.ts";
export type { CachePlace, StoragePlace } from "./place-kinds.ts";
export { selectServersOutside } from "./placements.sql.ts";
export { createPlacements, type Placements } from "./placements.ts";
export { findRehearsal, rehearsalOf, startRehearsal } from "./rehearsal.ts";
export { serverRoutes } from "./routes.ts";
export { runtimeBudgets } from "./runtime-places.ts";
export { findingsOf, startSchemaCheck } from "./schema-check.ts";
export { schemaCheckRoutes } from "./schema-check-routes.ts";
export { checkScript, type ScriptInput } from "./script-workflow.ts";
export { carryRuns, deleteRunsOf, insertScript, type ShownRun, selectRuns } from "./scripts.sql.ts";
export { selectUnsealedDatabases } from "./seal-checks.sql.ts";
export { sealRoutes } from "./seal-routes.ts";
export { giveServersTo, retireServersOf } from "./servers.sql.ts";
export { registerOwnServer } from "./servers.ts";
export { createSpareKeeper, type SpareKeeper, type SpareKeeperOptions } from "./spare-keeper.ts";
