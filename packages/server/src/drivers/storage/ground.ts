import type { StorageDriver } from "./driver.ts";

export type ProbedStorage = {
  /** A UUID. */
  environmentId: string;
  physicalName: string;
  /** The key of an object that this environment alone has; undefined where nothing may be written. */
  markerKey?: string;
};

/** The files of one environment, and those of another that it tries to reach. */
export type StorageGround = {
  driver: StorageDriver;
  from: ProbedStorage;
  to: ProbedStorage;
  signal: AbortSignal;
};
