import type { RuntimeStorage, WithoutGeneration } from "@tenantry/contract";
import type { ListedObject, Storage, StorageUsage, TemporaryS3Keys } from "@tenantry/data";
import type { DriverContext } from "../context.ts";

/** How an application reaches an environment's files: a part of its runtime snapshot, with secrets. */
export type StorageLocation = WithoutGeneration<RuntimeStorage>;

/**
 * One way to give an environment room for its files. Everything is repeatable: a second call finds what the first one
 * left, whole or in part, and ends in the same state. Physical names are opaque and never change; one that this driver
 * can't have given is an error before anything is touched.
 */
export type StorageDriver = {
  /** As placements name it: `fs`, `s3`. */
  readonly driver: string;

  /** Where an environment's files will be at a level (`prefix`, `bucket`, `own`); known before the place is made. */
  nameFor(environmentId: string, level: string): string;

  /** Makes the place, empty, for this environment's application alone. Declares it first. Files that stand are kept. */
  provision(context: DriverContext, physicalName: string, environmentId: string): Promise<void>;

  /** Reaches the files from this process. Costs nothing until it is used, and needs no closing. */
  handle(physicalName: string): Storage;

  /** How an application reaches the files: a part of its runtime snapshot. */
  location(physicalName: string): StorageLocation;

  /** Keys that reach this place and nothing else, for so many seconds; where `location` says that they are temporary. */
  temporaryKeys?(
    physicalName: string,
    options: { lastsSeconds: number; signal: AbortSignal },
  ): Promise<TemporaryS3Keys>;

  /**
   * Lets the environment's application in by what it has to itself there (a key, a user of this machine), or shuts it
   * out; nothing happens where it has none of its own, or where keys run out by themselves. Files stay, and `handle`
   * reaches them.
   */
  admit?(physicalName: string, admitted: boolean, options: { signal: AbortSignal }): Promise<void>;

  /**
   * Puts the rights of the environment's own key back as `provision` left them: what is missing is given, what others
   * added is taken away. Its key lets nobody in meanwhile, and lets in afterwards. Files stay.
   */
  repair?(physicalName: string, options: { signal: AbortSignal }): Promise<void>;

  /**
   * Copies one object to another place of this driver within the store: nothing of it comes here. It goes with its type,
   * and replaces what stood there. False, and nothing done, where the store can't; absent where no store could.
   */
  copyWithin?(
    from: string,
    to: string,
    object: Pick<ListedObject, "key" | "size">,
    options: { signal: AbortSignal },
  ): Promise<boolean>;

  /** Counts every object: takes time in proportion to their number. */
  measure(physicalName: string): Promise<StorageUsage>;

  /** What is wrong with the place, in sentences; empty when all is as `provision` leaves it. */
  verify(physicalName: string, environmentId: string): Promise<string[]>;

  /** Removes what writers left that were killed half-way a day ago or before, in every place. May run beside others. */
  tidy(): Promise<{ removed: number }>;

  /**
   * Removes the place and all files. Where the environment has a key (or a directory) of its own, also while somebody
   * writes; where it hasn't, somebody who goes on writing makes it fail (`busy`), and what comes after it is found by
   * `list`, and goes by removing once more. What isn't there counts as removed.
   */
  remove(context: DriverContext, physicalName: string): Promise<void>;

  /** Every place that stands, also half-made and half-removed ones: a registry row should explain each. */
  list(): Promise<string[]>;
};
