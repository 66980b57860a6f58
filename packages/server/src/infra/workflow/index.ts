export { abandonOperation, hastenOperation, selectOpenOperation } from "./control.sql.ts";
export { cancelAtOnce, cancelOperation, retryOperation } from "./control.ts";
export {
  defineWorkflow,
  isWaiting,
  LeaseLost,
  type Outcome,
  type ResourceName,
  type Step,
  type StepContext,
  step,
  type Waiting,
  type Workflow,
} from "./definition.ts";
export { isWorthRetrying, type RecordedError, recordError } from "./failure.ts";
export { hasEnded, operationTransitions } from "./operation-state.ts";
export { type StartOptions, startOperation } from "./start.ts";
export type { SweptResource } from "./sweeper.sql.ts";
export { createSweeper, longestRemovalMs, type RemoveResource, type Sweeper } from "./sweeper.ts";
export { watchOperation } from "./watch.ts";
export { createWorker, type Worker, type WorkerOptions } from "./worker.ts";
