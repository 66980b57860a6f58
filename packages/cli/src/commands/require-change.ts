import type { Command } from "commander";
import { wrongUsage } from "../problem.ts";

/** A change without a change is a forgotten flag. */
export function requireChange(body: Record<string, unknown>, command: Command): void {
  if (Object.values(body).some((value) => value !== undefined)) return;
  const flags = command.options
    .filter(({ helpGroupHeading }) => helpGroupHeading === undefined)
    .map(({ long }) => long);
  throw wrongUsage("Nothing to change was named.", `Give at least one of ${flags.join(", ")}.`);
}
