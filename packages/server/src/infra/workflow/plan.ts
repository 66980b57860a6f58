import type { OperationStatus, StepStatus } from "@tenantry/contract";

/** What a worker does next with an operation it holds. Ordinals count from 0. */
export type Action =
  | { type: "run"; ordinal: number }
  | { type: "undo"; ordinal: number }
  | { type: "end"; status: "succeeded" | "failed" | "cancelled" }
  | { type: "leave" };

/** Forward: the first step that isn't done. Back: the last one that may have had an effect. */
export function nextAction(status: OperationStatus, steps: readonly { status: StepStatus }[]): Action {
  if (status === "running") {
    const ordinal = steps.findIndex((step) => step.status !== "done");
    return ordinal === -1 ? { type: "end", status: "succeeded" } : { type: "run", ordinal };
  }
  if (status === "undoing" || status === "cancelling") {
    const ordinal = steps.findLastIndex((step) => step.status !== "pending" && step.status !== "undone");
    if (ordinal !== -1) return { type: "undo", ordinal };
    return { type: "end", status: status === "undoing" ? "failed" : "cancelled" };
  }
  return { type: "leave" };
}
