/**
 * Where environments live: database servers, databases (blueprints, spares and those in use), placements with their
 * generations, and the budget of connections [ISO-3, REG-4].
 */

export { asMigrations } from "./as-migrations.ts";
export { currentPlacements, type ShownPlacements } from "./current.ts";
export type { RowsCopied } from "./databases/copy-rows.ts";
export { inTurn } from "./databases/in-turn.ts";
export type { RowsMoved } from "./databases/move-rows.ts";
export { createSpareKeeper, type SpareKeeper, type SpareKeeperOptions } from "./databases/spare-keeper.ts";
export type { ExaminedPlaces } from "./examine.ts";
export { carryRuns } from "./fleet/carry-runs.ts";
export { countDrift, type DriftRow, selectDrifted } from "./fleet/drift.sql.ts";
export { checkDrift, type DriftInput } from "./fleet/drift.ts";
export {
  deleteFailuresOf,
  type FleetTally,
  type GivenUp,
  isPending,
  selectGivenUp,
} from "./fleet/fleet.sql.ts";
export type { FleetWork } from "./fleet/fleet.ts";
export { findRehearsal, rehearsalOf, startRehearsal } from "./fleet/rehearsal.ts";
export { findingsOf, findSchemaCheck, startSchemaCheck } from "./fleet/schema-check.ts";
export { schemaCheckRoutes } from "./fleet/schema-check-routes.ts";
export { checkScript, type ScriptInput } from "./fleet/script-workflow.ts";
export {
  deleteRunsOf,
  insertScript,
  isScriptAtWork,
  type ShownRun,
  selectRuns,
} from "./fleet/scripts.sql.ts";
export { selectTraces, type Traces } from "./leftovers.sql.ts";
export type { Leftover } from "./leftovers.ts";
export type { EnvironmentLogins } from "./logins/login-place.ts";

export { type PlaceDriver, type Places, type PlaceWanted, placesOf } from "./place-driver.ts";
export type { PlacedThing } from "./place-things.ts";
export { flipPlacements, selectServersOutside, updatePlacementDetail } from "./placements.sql.ts";
export { createPlacements, type Placements } from "./placements.ts";
export { runtimeBudgets } from "./runtime-places.ts";
export { selectUnsealedDatabases } from "./seals/seal-checks.sql.ts";
export { sealRoutes } from "./seals/seal-routes.ts";
export { type Holder, releaseBackends } from "./servers/leases.sql.ts";
export { leaseBackends } from "./servers/leases.ts";
export { serverRoutes } from "./servers/routes.ts";
export { giveServersTo, retireServersOf } from "./servers/servers.sql.ts";
export { findServer, registerOwnServer } from "./servers/servers.ts";
