import type { StepContext } from "../../infra/workflow/index.ts";
import { failure } from "../../kernel/index.ts";
import { type FleetTally, type FleetWork, type Placements, selectGivenUp } from "../placements/index.ts";
import { describeGivenUp, tellGivenUp } from "./hold.ts";

/** How many of a failed fleet's environments an error names. */
const named = 3;

/** Of a release, when nobody says otherwise: a twentieth of the environments may fail, one in any case, never all. */
export function allowedFailures({ environments }: Pick<FleetTally, "environments">, given?: number): number {
  const allowed = given ?? Math.max(1, Math.floor(environments / 20));
  return Math.max(0, Math.min(allowed, environments - 1));
}

/**
 * Migrates what is behind, telling of every environment whose database is given up. With `allowed`, no more is begun, and
 * `migration_failed` is thrown, as soon as more have failed.
 */
export async function runFleet(
  placements: Pick<Placements, "migrateFleet">,
  context: StepContext,
  work: FleetWork & { allowed?: (tally: FleetTally) => number },
): Promise<FleetTally> {
  const { operationId } = context;
  const { schemaVersion, allowed } = work;
  return placements.migrateFleet(context, {
    ...work,
    async onGivenUp(databaseId, tally) {
      await context.transaction((tx) => tellGivenUp(tx, { operationId, databaseId, schemaVersion }));
      if (allowed && tally.environmentsGivenUp > allowed(tally))
        throw await tooMany(context, tally, "release again");
    },
  });
}

/** The end of an operation that couldn't migrate them all. */
export async function tooMany(
  { db, operationId }: Pick<StepContext, "db" | "operationId">,
  { environments, environmentsCurrent: current, environmentsGivenUp: failed }: FleetTally,
  then: string,
): Promise<Error> {
  const some = await selectGivenUp(db, operationId, { limit: named });
  const told = describeGivenUp(some, failed);
  return failure("migration_failed", {
    detail: [
      `${failed} of ${environments} environments couldn't be migrated. ${told}`,
      stay(current, "is migrated and stays so.", "are migrated and stay so."),
      stay(environments - failed - current, "wasn't tried any more.", "weren't tried any more."),
    ].join(""),
    remedy: `List them with \`tenantry migrate --status --failed\`, mend the cause, then ${then}.`,
  });
}

const stay = (count: number, one: string, more: string): string =>
  count === 0 ? "" : ` ${count} ${count === 1 ? one : more}`;
