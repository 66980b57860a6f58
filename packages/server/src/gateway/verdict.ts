import { failure, type TenantryError } from "../kernel/index.ts";
import type { Route } from "./route.ts";

/** The reason of a suspension of which visitors are told. */
const overQuota = "over_quota";

/** Why a host doesn't lead to its application now; undefined when it does. */
export function refusalOf(route: Route): TenantryError | undefined {
  switch (route.status) {
    case "active":
      return undefined;
    case "provisioning":
      return failure("tenant_provisioning", {
        retryAfterSeconds: 2,
        extra: { progress: route.progress ?? 0 },
      });
    case "suspended":
      return failure(route.statusReason === overQuota ? "tenant_over_quota" : "tenant_suspended", {
        retryAfterSeconds: 3600,
      });
    case "maintenance":
      return failure("tenant_maintenance", {
        detail: route.message ?? undefined,
        retryAfterSeconds: route.retryAfterSeconds ?? 30,
      });
    case "failed":
      return failure("tenant_failed", { retryAfterSeconds: 300 });
    case "deleted":
      return failure("tenant_deleted");
  }
}

export function unknownHost(hostname: string): TenantryError {
  return failure("unknown_host", { detail: `No site stands under ${hostname}.` });
}

/** Whether the row still counts: a redirect ends at its time, with or without the row being swept. */
export function isExpired(route: Route): boolean {
  return route.expiresAt !== null && route.expiresAt <= Date.now();
}
