import type {
  presets as allPresets,
  CacheLevel,
  DatabaseLevel,
  OperationReply,
  StorageLevel,
  UserReply,
  UserRole,
} from "@tenantry/contract";

// The contract has these as values, too, but with them comes everything that checks requests: a tenth of a second.

export const databaseLevels = [
  "shared",
  "schema",
  "database",
  "dedicated",
  "sqlite",
] as const satisfies DatabaseLevel[];
export const cacheLevels = ["prefix", "user", "database", "own"] as const satisfies CacheLevel[];
export const storageLevels = ["prefix", "bucket", "own"] as const satisfies StorageLevel[];
export const presets = ["soft", "medium", "hard"] as const satisfies (typeof allPresets)[number][];
export const userRoles = ["admin", "editor", "viewer"] as const satisfies UserRole[];
export const userStatuses = ["active", "deactivated"] as const satisfies UserReply["status"][];
export const operationStatuses = [
  "queued",
  "running",
  "waiting",
  "cancelling",
  "undoing",
  "succeeded",
  "failed",
  "cancelled",
  "needs_operator",
] as const satisfies OperationReply["status"][];
export const tenantStatuses = [
  "requested",
  "provisioning",
  "active",
  "suspended",
  "deleting",
  "purging",
  "deleted",
  "failed",
] as const;
