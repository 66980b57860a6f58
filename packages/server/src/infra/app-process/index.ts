export { type LaunchRequest, planLaunch } from "./launch.ts";
export {
  type ProcessState,
  type SupervisedProcess,
  type SupervisorOptions,
  superviseProcess,
} from "./supervisor.ts";
export { firstAppUid } from "./uids.ts";
