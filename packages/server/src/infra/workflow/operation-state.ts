import type { OperationStatus } from "@tenantry/contract";
import type { Transitions } from "../../kernel/index.ts";

/**
 * Every legal move of an operation. `retry` leads on from where it stands still: forward (to queued), or, when it got
 * stuck on its way back, back again; `cancel` leads back; `abandon` ends one that has nothing to undo (straight to
 * cancelled). A taken-over operation stays in its status: only its fence moves.
 */
export const operationTransitions: Transitions<OperationStatus> = {
  queued: ["running", "cancelling", "cancelled"],
  running: ["waiting", "cancelling", "undoing", "succeeded", "needs_operator", "cancelled"],
  waiting: ["running", "cancelling", "cancelled"],
  cancelling: ["cancelled", "needs_operator"],
  undoing: ["failed", "needs_operator"],
  succeeded: [],
  failed: ["queued"],
  cancelled: [],
  needs_operator: ["queued", "cancelling", "undoing"],
};

const endedStatuses = ["succeeded", "failed", "cancelled"] as const satisfies OperationStatus[];
export type EndedStatus = (typeof endedStatuses)[number];

export function hasEnded(status: OperationStatus): status is EndedStatus {
  return (endedStatuses as readonly OperationStatus[]).includes(status);
}
