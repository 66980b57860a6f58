export {
  type EnvironmentRow,
  insertEnvironment,
  type MaintenanceNotice,
  selectEnvironmentsOf,
  updateMoving,
} from "./environments.sql.ts";
export { beginMaintenance, endMaintenance, findEnvironment, moveEnvironment } from "./environments.ts";
export { buryRuntime, touchAllRuntime, touchRuntime } from "./runtime-version.ts";
