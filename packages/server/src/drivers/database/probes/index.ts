import type { Probe } from "../../probe.ts";
import { connectionProbes } from "./connections.ts";
import { fileProbes } from "./files.ts";
import { bothOnPostgres, type DatabaseGround } from "./ground.ts";
import { sharedContextProbes } from "./shared-context.ts";
import { sharedRowProbes } from "./shared-rows.ts";

export type { DatabaseGround, ProbedDatabase } from "./ground.ts";
export { emptyTables, markDatabase, unmarkDatabase } from "./mark.ts";

/** How one environment's application may try to get at another's rows. A level that comes later adds its own here. */
export const databaseProbes: readonly Probe<DatabaseGround>[] = [
  ...[...connectionProbes, ...sharedRowProbes, ...sharedContextProbes].map(onPostgres),
  ...fileProbes,
];

/** There is no way from a file to a server, nor back: an application's login is of no use at the other. */
function onPostgres(probe: Probe<DatabaseGround>): Probe<DatabaseGround> {
  return {
    ...probe,
    applies: (ground) => bothOnPostgres(ground) && (probe.applies?.(ground) ?? true),
  };
}
