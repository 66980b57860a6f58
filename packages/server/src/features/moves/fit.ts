import type { DatabaseLevel } from "@tenantry/contract";
import { failure } from "../../kernel/index.ts";

/** Throws `isolation_unavailable` where rows at an older schema version would come to a database that many share. */
export function requireFit({
  source,
  level,
  schemaVersion,
}: {
  source: { schemaVersion: number };
  level: DatabaseLevel;
  /** The application's. */
  schemaVersion: number;
}): void {
  if (level !== "shared" || source.schemaVersion >= schemaVersion) return;
  throw failure("isolation_unavailable", {
    detail: `Its database has schema version ${source.schemaVersion}, and those who share one have ${schemaVersion}.`,
    remedy: "Bring it up to date with `tenantry migrate`, then move it.",
  });
}

/** Throws `isolation_unavailable` where a file would be larger than it may be. */
export function requireSize(bytes: number | undefined, quota: number): void {
  if (bytes === undefined || bytes <= quota) return;
  const megabytes = (count: number) => `${Math.ceil(count / 1e6).toLocaleString("en")} MB`;
  throw failure("isolation_unavailable", {
    detail: `Its database has ${megabytes(bytes)}, and its file may have ${megabytes(quota)}.`,
    remedy: "Raise the setting sqliteQuota, or choose another level.",
  });
}
