import type { OperationReply } from "@tenantry/contract";
import type { Output } from "../output/output.ts";

/** Where to look at work that nobody waits for. */
export function tellStarted(output: Output, operation: OperationReply): void {
  output.result(operation, ({ id }) => `Started. Follow it with: tenantry operation watch ${id}`);
}
