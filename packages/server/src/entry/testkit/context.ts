import type { DriverContext } from "../../drivers/context.ts";
import { newId } from "../../kernel/index.ts";

/**
 * A piece of work for a driver. Nobody else works on the host's cluster, which is thrown away as a whole, so that there
 * is no lease to prove and nothing to write down.
 */
export function workContext(signal: AbortSignal): DriverContext {
  const nothing = () => Promise.resolve();
  return {
    operationId: newId(),
    fence: 1,
    signal,
    assertLease: nothing,
    declareResource: nothing,
    resourcePresent: nothing,
    resourceRemoved: nothing,
  };
}
