import type { TenantStatus } from "@tenantry/contract";
import { failure, mayMove, type Transitions } from "../../kernel/index.ts";

/** Every legal move of a tenant [REG-3]; `deleting` can be undone until its grace ends, `purging` can't. */
export const tenantTransitions: Transitions<TenantStatus> = {
  requested: ["provisioning", "deleted"],
  provisioning: ["active", "failed"],
  active: ["suspended", "deleting"],
  suspended: ["active", "deleting"],
  deleting: ["active", "suspended", "failed", "purging"],
  purging: ["deleted"],
  deleted: [],
  failed: ["provisioning", "deleting"],
};

/** Throws `illegal_transition`, with the reason and what would be legal, unless `from → to` may happen. */
export function requireTenantMove(from: TenantStatus, to: TenantStatus): void {
  const verdict = mayMove(tenantTransitions, "tenant", from, to);
  if (!verdict.allowed) throw failure("illegal_transition", { detail: verdict.reason });
}
