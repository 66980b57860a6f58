import type { Probe } from "../../probe.ts";
import { connectionProbes } from "./connections.ts";
import type { DatabaseGround } from "./ground.ts";
import { sharedContextProbes } from "./shared-context.ts";
import { sharedRowProbes } from "./shared-rows.ts";

export type { DatabaseGround, ProbedDatabase } from "./ground.ts";
export { markDatabase } from "./mark.ts";

/** How one environment's application may try to get at another's rows. A level that comes later adds its own here. */
export const databaseProbes: readonly Probe<DatabaseGround>[] = [
  ...connectionProbes,
  ...sharedRowProbes,
  ...sharedContextProbes,
];
