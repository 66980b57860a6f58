import type { Storage, StorageUsage } from "@tenantry/data";
import type { DriverContext } from "../context.ts";

/**
 * One way to give an environment room for its files. Everything is repeatable: a second call finds what the first one
 * left, whole or in part, and ends in the same state. Physical names are opaque and never change; one that this driver
 * can't have given is an error before anything is touched.
 */
export type StorageDriver = {
  /** As placements name it: `fs`. */
  readonly driver: string;

  /** Where an environment's files will be; known before the place is made. */
  nameFor(environmentId: string): string;

  /** Makes the place, empty, for this environment's application alone. Declares it first. Files that stand are kept. */
  provision(context: DriverContext, physicalName: string, environmentId: string): Promise<void>;

  /** Reaches the files from this process. Costs nothing until it is used, and needs no closing. */
  handle(physicalName: string): Storage;

  /** How an application reaches the files: a part of its runtime snapshot. */
  location(physicalName: string): { driver: "fs"; directory: string };

  /** Counts every object: takes time in proportion to their number. */
  measure(physicalName: string): Promise<StorageUsage>;

  /** What is wrong with the place, in sentences; empty when all is as `provision` leaves it. */
  verify(physicalName: string, environmentId: string): Promise<string[]>;

  /** Removes what writers left that were killed half-way a day ago or before, in every place. May run beside others. */
  tidy(): Promise<{ removed: number }>;

  /** Removes the place and all files, also while somebody writes. What isn't there counts as removed. */
  remove(context: DriverContext, physicalName: string): Promise<void>;

  /** Every place that stands, also half-made and half-removed ones: a registry row should explain each. */
  list(): Promise<string[]>;
};
