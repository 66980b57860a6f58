import type { RoutineObject } from "../../catalog/catalog.ts";
import { withCounters } from "./counters.ts";
import { type PrimaryKeys, withGroupedKeys } from "./group-keys.ts";
import { withCasts, withConflictTargets } from "./routines.ts";

/**
 * A routine whose body names the columns of a conflict means those of its environment, the next number of a sequence is
 * its environment's, and who groups by a key means the whole of it.
 */
export function sharedRoutine(routine: RoutineObject, keys: PrimaryKeys): RoutineObject {
  const header = routine.reliesOnKey ? withGroupedKeys(routine.header, keys) : routine.header;
  if (routine.body === undefined) return { ...routine, header };
  const body = withCounters(withCasts(withConflictTargets(routine.body)));
  return { ...routine, header, body: withGroupedKeys(body, keys) };
}
