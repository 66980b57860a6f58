import type { RuntimeEnvironment } from "@tenantry/contract";
import {
  EnvironmentSuspended,
  EnvironmentUnavailable,
  EnvironmentUnknown,
  RuntimeUnavailable,
} from "./errors.ts";
import type { RuntimeState } from "./runtime/state.ts";

/** The environment, if something may be done in it now; otherwise the error that says why not. */
export function usableEnvironment(
  state: RuntimeState | undefined,
  environmentId: string,
): RuntimeEnvironment {
  if (!state) throw new RuntimeUnavailable("Tenantry's API hasn't answered yet.");
  const environment = state.environments.get(environmentId);
  if (!environment) throw new EnvironmentUnknown(environmentId);
  switch (environment.tenantStatus) {
    case "active":
      break;
    case "suspended":
      throw new EnvironmentSuspended(environment.tenantSlug);
    case "deleting":
    case "purging":
    case "deleted":
      throw new EnvironmentUnknown(environmentId);
    default:
      throw new EnvironmentUnavailable(environment.tenantSlug, environment.tenantStatus);
  }
  switch (environment.status) {
    case "ready":
      return environment;
    case "removing":
    case "removed":
      throw new EnvironmentUnknown(environmentId);
    default:
      throw new EnvironmentUnavailable(environment.tenantSlug, environment.status);
  }
}

/** Whether something may be done in the environment now. */
export function isUsable(state: RuntimeState | undefined, environmentId: string): boolean {
  const environment = state?.environments.get(environmentId);
  return environment?.tenantStatus === "active" && environment.status === "ready";
}
