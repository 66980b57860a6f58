import { createS3KeySource, type S3Reach } from "@tenantry/data";
import type { StorageDriver } from "../driver.ts";

/** A place in S3 as its application reaches it: by the key, or the keys for a time, that the application is given. */
export function reachAsApplication(
  driver: Pick<StorageDriver, "location" | "temporaryKeys">,
  physicalName: string,
): S3Reach {
  const location = driver.location(physicalName);
  if (location.driver !== "s3") throw new Error("This is about S3.");
  if (!("temporary" in location)) return location;
  const signal = () => AbortSignal.timeout(30_000);
  const ask = (lastsSeconds: number) =>
    driver.temporaryKeys!(physicalName, { lastsSeconds, signal: signal() });
  return { ...location, keySource: createS3KeySource(ask) };
}
