import type { DriverContext } from "../../drivers/database/index.ts";

/**
 * Provides one kind of thing beside databases: files, cache. Its methods declare what they make, and may be repeated.
 */
export type PlaceDriver = {
  /** As placements name it: `fs`, `memory`. */
  readonly driver: string;
  /** Whether `provision` makes nothing that could be half made or left over: then there is nothing to wait for. */
  readonly makesNothing?: boolean;
  /** Where an environment's things will be; known before they are made. */
  nameFor(environmentId: string): string;
  provision(context: DriverContext, physicalName: string, environmentId: string): Promise<void>;
  remove(context: DriverContext, physicalName: string): Promise<void>;
  /** Everything that stands, for the scan for leftovers; undefined when it makes nothing that could be left. */
  list(): Promise<string[] | undefined>;
};
