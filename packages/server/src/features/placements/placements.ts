import type { UpdateServerRequest } from "@tenantry/contract";
import type { RowsPrint } from "../../drivers/database/index.ts";
import type { Db, Tx } from "../../infra/db/index.ts";
import type { StepContext } from "../../infra/workflow/index.ts";
import { tryMigrations } from "./databases/blueprints.ts";
import { copyRows, sourceOfRows } from "./databases/copy-rows.ts";
import { migrateDatabase } from "./databases/migrate-database.ts";
import { closePlace, moveRows, reopenPlace, verifyMoved } from "./databases/move-rows.ts";
import { placeDatabase } from "./databases/place-database.ts";
import { type DatabaseSeed, endSeed, seedDatabase } from "./databases/seed-database.ts";
import { sizeOf, sizesIn } from "./databases/sizes.ts";
import type { DatabaseWanted } from "./databases/wanted.ts";
import { createExaminer } from "./examine.ts";
import { type FleetWork, migrateFleet } from "./fleet/fleet.ts";
import { refuseKnownUnheld } from "./fleet/schema-check.ts";
import { goOnAtPlaces } from "./go-on.ts";
import { findStanding, scanForLeftovers } from "./leftovers.ts";
import { checkLogins } from "./logins/check-logins.ts";
import { freeNotifications } from "./logins/free-notifications.ts";
import { environmentLogins } from "./logins/login-place.ts";
import { repairLogin } from "./logins/repair-login.ts";
import type { PlacementParts } from "./parts.ts";
import { placeThing, type ThingWanted, thingsOf } from "./place-things.ts";
import { removePlacements } from "./remove-placements.ts";
import { createRemovers } from "./removers.ts";
import { runtimeBudgets, runtimePlaces } from "./runtime-places.ts";
import { checkSeals } from "./seals/check-seals.ts";
import { rotateSeals } from "./seals/rotate-seals.ts";
import { checkServers } from "./servers/check-servers.ts";
import type { ServerWanted } from "./servers/choose-server.sql.ts";
import { requireEligible } from "./servers/choose-server.ts";
import { startServers } from "./servers/dedicated-servers.ts";
import { followDirectory } from "./servers/directory-server.ts";
import { changeServer } from "./servers/update-server.ts";
import { createPlacementWorkflows, dropTrials, type PlacementWorkflows } from "./workflows.ts";

export type Placements = ReturnType<typeof createPlacements>;

/** Decides where environments live, puts them there, and takes them away again. All of it is repeatable. */
export function createPlacements(parts: PlacementParts) {
  const workflows = createPlacementWorkflows(parts);
  return {
    /** Gives an environment its database: a spare, or one built on the spot. */
    placeDatabase: (context: StepContext, wanted: DatabaseWanted) => placeDatabase(parts, context, wanted),

    ...serverWork(parts),

    ...copyWork(parts),

    ...moveWork(parts),

    /** Gives an environment its files. */
    placeStorage: (context: StepContext, wanted: ThingWanted) =>
      placeThing(parts, context, "storage", wanted),

    /** Gives an environment its cache. */
    placeCache: (context: StepContext, wanted: ThingWanted) => placeThing(parts, context, "cache", wanted),

    thingsOf,

    /** The levels of files and caches that can be had at this moment. */
    async availableLevels(db: Db | Tx) {
      return { storage: await parts.storage.levels(db), cache: await parts.cache.levels(db) };
    },

    /** Removes all that an environment has of a kind, or all but where it lives; also the undo of placing it. */
    removePlacements: (context: StepContext, which: Parameters<typeof removePlacements>[2]) =>
      removePlacements(parts, context, which),

    /** Puts rows into an environment's database, once, as somebody who reaches nothing else. */
    seedDatabase: (context: StepContext, seed: DatabaseSeed) => seedDatabase(parts, context, seed),

    /** Ends what an interrupted `seedDatabase` may have left open. */
    endSeed: (context: StepContext, environmentId: string) => endSeed(parts, context, environmentId),

    ...schemaWork(parts, workflows),

    /** Where environments' things are, for the runtime snapshot. */
    runtimePlaces: (db: Db | Tx, environmentIds: readonly string[]) =>
      runtimePlaces(db, parts, environmentIds),

    ...createExaminer(parts),

    ...logins(parts),

    /** How many database backends a process may hold, by server; asking again renews its lease. */
    runtimeBudgets,

    /** What stands without a reason, and what should stand and doesn't. */
    scanForLeftovers: (db: Db) => scanForLeftovers(db, parts),

    /** Which of these physical names still stand somewhere. */
    standing: (db: Db, traces: Parameters<typeof findStanding>[2]) => findStanding(db, parts, traces),

    /** For the sweeper: `kind/driver` → how to remove what an ended operation left unfinished. */
    removers: (db: Db) => createRemovers(db, parts),

    /** The platform's own operations on databases, for the worker and for the keeper of spares. */
    workflows,
  };
}

/** What is done about database servers. */
function serverWork(parts: PlacementParts) {
  return {
    /**
     * Throws `region_unavailable` or `isolation_unavailable` when no server could ever hold such a database, full or not.
     */
    requireEligible: (db: Db | Tx, wanted: ServerWanted) =>
      requireEligible(db, wanted, parts.servers !== undefined),

    /** Changes what is known of a server, and how it is reached. */
    changeServer: (db: Db, idOrName: string, change: UpdateServerRequest) =>
      changeServer(db, parts, idOrName, change),

    /** Notes which of the servers that were given to us answer, and has go on what waited for them. */
    async checkServers(run: Parameters<typeof checkServers>[0]) {
      await checkServers(run, parts.secrets);
      await goOnAtPlaces(run, parts);
    },

    /** Sees to it that the servers run that we started for single environments. One that can't start is told in the log. */
    async startServers(run: Parameters<typeof startServers>[1]) {
      await followDirectory(parts, run);
      await startServers(parts, run);
    },
  };
}

/** What is done to make one environment like another. */
function copyWork(parts: PlacementParts) {
  return {
    /**
     * Where an environment's rows are: the application, level and schema version of its database. Throws
     * `environment_unavailable` when it has none now.
     */
    sourceOfRows: (db: Db, environmentId: string) => sourceOfRows(db, environmentId),

    /**
     * Puts the rows that one environment has at this moment in place of another's, at whatever levels they live, while the
     * first goes on. Repeatable; wholly or not at all. Throws what a driver's `exportRows` and `importRows` throw.
     */
    copyRows: (context: StepContext, between: { from: string; to: string }) =>
      copyRows(parts, context, between),
  };
}

/** What is done to carry an environment's database elsewhere. Its next place is one that `placeDatabase` made with `next`. */
function moveWork(parts: PlacementParts) {
  return {
    /** Puts an environment's rows into its next place. Repeatable; throws what a driver's `exportRows` and `importRows` throw. */
    moveRows: (context: StepContext, environmentId: string) => moveRows(parts, context, environmentId),

    /** Throws `archive_damaged` unless the next place holds the rows that `moveRows` took. */
    verifyMoved: (context: StepContext, moved: { environmentId: string; print: RowsPrint }) =>
      verifyMoved(parts, context, moved),

    /** Throws `isolation_unavailable` where a level is known not to hold an app's schema. */
    refuseKnownUnheld,

    /** How many bytes an environment has in its database; undefined where nobody can tell. */
    sizeOf: (db: Db, environmentId: string) => sizeOf(db, parts, environmentId),

    /** The same for all environments of one database, which is asked once. Throws `server_unreachable`. */
    sizesIn: (db: Db, database: Parameters<typeof sizesIn>[2]) => sizesIn(db, parts, database),

    /** Nothing is written any more where an environment lives, but by Tenantry. Repeatable. */
    closePlace: (context: StepContext, environmentId: string) => closePlace(parts, context, environmentId),

    /** Lets it in again where it lives, or into its next place. Repeatable. */
    reopenPlace: (context: StepContext, environmentId: string, which: "current" | "building") =>
      reopenPlace(parts, context, environmentId, which),
  };
}

/** What is done about the schemas of an app's databases. */
function schemaWork(parts: PlacementParts, workflows: PlacementWorkflows) {
  return {
    /**
     * Tries an app's migrations up to a version, by building the blueprint that databases are copied from. Throws
     * `migration_failed` with file, line and column, having left nothing behind.
     */
    tryMigrations: (context: StepContext, wanted: { appId: string; schemaVersion: number }) =>
      tryMigrations(parts, context, wanted),

    /** Removes, soon, what `tryMigrations` built for a release that came to nothing. Hold the app's row. */
    dropTrials: (tx: Tx, appId: string) => dropTrials(tx, workflows, appId),

    /** Brings a database up to a schema version of its app. */
    migrateDatabase: (context: StepContext, databaseId: string, schemaVersion: number) =>
      migrateDatabase(parts, context, databaseId, schemaVersion),

    /** Brings all databases of an app that are behind to a schema version, each on its own. */
    migrateFleet: (context: StepContext, work: FleetWork) => migrateFleet(parts, context, work),
  };
}

function logins(parts: PlacementParts) {
  return {
    /** Where logins for programs that don't use the SDK lead, and what makes them there. */
    environmentLogins: (db: Db | Tx, environmentId: string) => environmentLogins(db, parts, environmentId),

    /** Lets the role of an environment's database log in again that gave itself another password. */
    repairLogin: (db: Db, environmentId: string) => repairLogin(db, parts, environmentId),

    /** Gives each shared database of an app another secret; the one before is as good for ten minutes. */
    rotateSeals: (db: Db, appId: string) => rotateSeals(db, parts, appId),

    /** Ends tenants' transactions that keep the registry's server from emptying its queue of notifications. */
    freeNotifications,

    /** Looks whether every role in use has the password that we know, and gives it back where not. */
    checkLogins: (run: Parameters<typeof checkLogins>[0]) => checkLogins(run, parts),

    /** Looks whether every shared database keeps its tenants apart; one that doesn't serves nobody until it does. */
    checkSeals: (run: Parameters<typeof checkSeals>[0]) => checkSeals(run, parts),
  };
}
