import type { StepContext } from "../infra/workflow/definition.ts";

/**
 * What a driver needs of the workflow step it works for: to declare what it is about to make, to prove before each
 * outside effect that the lease still stands, and to stop when it doesn't.
 */
export type DriverContext = Pick<
  StepContext,
  | "operationId"
  | "fence"
  | "signal"
  | "assertLease"
  | "declareResource"
  | "resourcePresent"
  | "resourceRemoved"
> &
  Partial<Pick<StepContext, "progress">>;
