export {
  type EnvironmentRow,
  insertEnvironment,
  selectEnvironmentsOf,
} from "./environments.sql.ts";
export { moveEnvironment } from "./environments.ts";
export { buryRuntime, touchAllRuntime, touchRuntime } from "./runtime-version.ts";
