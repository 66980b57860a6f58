export { environmentTransitions, requireEnvironmentMove } from "./environment-state.ts";
export {
  type EnvironmentRow,
  insertEnvironment,
  selectEnvironment,
  selectEnvironmentsOf,
  updateEnvironmentStatus,
} from "./environments.sql.ts";
export { buryRuntime, touchAllRuntime, touchRuntime } from "./runtime-version.ts";
