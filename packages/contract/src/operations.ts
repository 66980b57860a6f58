/** Every state an operation can be in. On the way back, `undoing` ends as failed and `cancelling` as cancelled. */
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
] as const;
export type OperationStatus = (typeof operationStatuses)[number];

export const stepStatuses = ["pending", "running", "done", "failed", "undoing", "undone"] as const;
export type StepStatus = (typeof stepStatuses)[number];
