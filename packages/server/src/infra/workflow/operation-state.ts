import type { OperationStatus } from "@tenantry/contract";
import type { Transitions } from "../../kernel/index.ts";

/**
 * Every legal move of an operation. `retry` leads forward again (to queued), also from a failed way back; `cancel`
 * leads back. A taken-over operation stays in its status: only its fence moves.
 */
export const operationTransitions: Transitions<OperationStatus> = {
  queued: ["running", "cancelling"],
  running: ["waiting", "cancelling", "undoing", "succeeded", "needs_operator"],
  waiting: ["running", "cancelling"],
  cancelling: ["cancelled", "needs_operator"],
  undoing: ["failed", "needs_operator"],
  succeeded: [],
  failed: ["queued"],
  cancelled: [],
  needs_operator: ["queued", "cancelling"],
};

export const endedStatuses = ["succeeded", "failed", "cancelled"] as const satisfies OperationStatus[];
export type EndedStatus = (typeof endedStatuses)[number];

export function hasEnded(status: OperationStatus): status is EndedStatus {
  return (endedStatuses as readonly OperationStatus[]).includes(status);
}

/** The states from which `to` may follow, for a statement's WHERE. */
export function statusesBefore(to: OperationStatus): OperationStatus[] {
  const all = Object.keys(operationTransitions) as OperationStatus[];
  return all.filter((from) => operationTransitions[from].includes(to));
}
