import type { DriverContext } from "../../drivers/database/index.ts";
import { failure, newId } from "../../kernel/index.ts";

const deadlineMs = 20_000;

/** For work on a database that no operation stands behind: what gives the right to it is that `stands` holds. */
export function mendingContext(stands: () => Promise<boolean>): DriverContext {
  const refuse = () => Promise.reject(new Error("A repair makes nothing."));
  return {
    operationId: newId(),
    fence: 0,
    signal: AbortSignal.timeout(deadlineMs),
    async assertLease() {
      if (await stands()) return;
      throw failure("environment_unavailable", { detail: "Its database has changed meanwhile." });
    },
    declareResource: refuse,
    resourcePresent: refuse,
    resourceRemoved: refuse,
  };
}
