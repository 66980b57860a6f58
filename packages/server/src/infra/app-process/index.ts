/**
 * Processes of applications: started as another user where we may, kept together by the kernel where it lets us, watched,
 * restarted, and ended with all that they started.
 */
export { describeConfinement, probeConfinement } from "./confinement.ts";
export type { Confinement } from "./launch-request.ts";
export { endLeftovers } from "./records.ts";
export {
  type ProcessState,
  type SupervisedProcess,
  superviseProcess,
} from "./supervisor.ts";
export { firstAppUid } from "./uids.ts";
