import type { OperationStatus, StepStatus } from "@tenantry/contract";

/** What a worker does next with an operation it holds. Ordinals count from 0. */
export type Action =
  | { type: "run"; ordinal: number }
  | { type: "undo"; ordinal: number }
  | { type: "end"; status: "succeeded" | "failed" | "cancelled" }
  | { type: "leave" };

/** `stays`: what the step did can't be taken back, or needn't be. */
export type PlannedStep = { status: StepStatus; stays?: boolean };

/**
 * Forward: the first step that isn't done. Back: the last one that may have had an effect; one that stays keeps saying how
 * it ended.
 */
export function nextAction(status: OperationStatus, steps: readonly PlannedStep[]): Action {
  if (status === "running") {
    const ordinal = steps.findIndex((step) => step.status !== "done");
    return ordinal === -1 ? { type: "end", status: "succeeded" } : { type: "run", ordinal };
  }
  if (status === "undoing" || status === "cancelling") {
    const ordinal = steps.findLastIndex(isToUndo);
    if (ordinal !== -1) return { type: "undo", ordinal };
    return { type: "end", status: status === "undoing" ? "failed" : "cancelled" };
  }
  return { type: "leave" };
}

function isToUndo({ status, stays }: PlannedStep): boolean {
  if (status === "pending" || status === "undone") return false;
  return !stays || (status !== "done" && status !== "failed");
}
