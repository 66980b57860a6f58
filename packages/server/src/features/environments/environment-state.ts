import type { EnvironmentStatus } from "@tenantry/contract";
import { failure, mayMove, type Transitions } from "../../kernel/index.ts";

/** Every legal move of an environment [REG-3]. */
export const environmentTransitions: Transitions<EnvironmentStatus> = {
  provisioning: ["ready", "failed", "removing"],
  ready: ["maintenance", "removing"],
  maintenance: ["ready", "removing"],
  failed: ["provisioning", "removing"],
  removing: ["removed"],
  removed: [],
};

/** Throws `illegal_transition`, with the reason and what would be legal, unless `from → to` may happen. */
export function requireEnvironmentMove(from: EnvironmentStatus, to: EnvironmentStatus): void {
  const verdict = mayMove(environmentTransitions, "environment", from, to);
  if (!verdict.allowed) throw failure("illegal_transition", { detail: verdict.reason });
}
