import type { IsolationPath } from "@tenantry/contract";
import { breach, type Probe, sound } from "../../../drivers/probe.ts";
import type { Db } from "../../../infra/db/index.ts";
import {
  type RegistryProblem,
  selectContextProblems,
  selectDatabaseProblems,
  selectPlacementProblems,
  selectRouteProblems,
  selectSessionProblems,
} from "../registry-checks.sql.ts";

export type RegistryGround = { db: Db };

function check(
  id: string,
  path: IsolationPath,
  words: { title: string; remedy: string },
  select: (db: Db) => Promise<RegistryProblem[]>,
): Probe<RegistryGround> {
  return {
    id,
    path,
    ...words,
    async run({ db }) {
      const [first, ...more] = await select(db);
      if (!first) return sound("nothing of that kind");
      const others = more.length > 0 ? ` (and ${more.length} more)` : "";
      return breach(`${first.subject}: ${first.problem}${others}`);
    },
  };
}

/** What the registry says of all tenants: gateways, applications and drivers believe it. */
export const registryProbes: readonly Probe<RegistryGround>[] = [
  check(
    "registry.routes",
    "gateway",
    {
      title: "a host that leads to another tenant, environment or application than its own",
      remedy: "Delete the row of `routes`; suspending and resuming its tenant writes the others anew.",
    },
    selectRouteProblems,
  ),
  check(
    "registry.sessions",
    "sessions",
    {
      title: "a session that is good in another tenant than its user's",
      remedy: "Delete the row of `sessions`, and end the user's other sessions.",
    },
    selectSessionProblems,
  ),
  check(
    "registry.placements",
    "registry",
    {
      title: "two environments whose files, cache or database lie in the same place, or one without a place",
      remedy: "Suspend both tenants. Give the younger one a place of its own before it is resumed.",
    },
    selectPlacementProblems,
  ),
  check(
    "registry.databases",
    "registry",
    {
      title: "an environment whose database is another application's, or a spare",
      remedy: "Suspend the tenant, and look in the log who changed the placement.",
    },
    selectDatabaseProblems,
  ),
  check(
    "registry.contexts",
    "jobs",
    {
      title: "an operation or event that bears one tenant's context and concerns another's environment",
      remedy: "Cancel the operation, and look in the log who began it.",
    },
    selectContextProblems,
  ),
];
