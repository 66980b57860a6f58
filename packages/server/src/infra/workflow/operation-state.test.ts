import { type OperationStatus, operationStatuses } from "@tenantry/contract";
import { describe, expect, test } from "vitest";
import { mayMove } from "../../kernel/index.ts";
import { hasEnded, operationTransitions } from "./operation-state.ts";

const legal = new Set([
  "queued > running",
  "queued > cancelling",
  "queued > cancelled",
  "running > waiting",
  "running > cancelling",
  "running > undoing",
  "running > succeeded",
  "running > needs_operator",
  "running > cancelled",
  "waiting > running",
  "waiting > cancelling",
  "waiting > cancelled",
  "cancelling > cancelled",
  "cancelling > needs_operator",
  "undoing > failed",
  "undoing > needs_operator",
  "failed > queued",
  "needs_operator > queued",
  "needs_operator > cancelling",
  "needs_operator > undoing",
]);

describe.each(operationStatuses)("an operation that is %s", (from) => {
  test.each(operationStatuses)("may become %s only if the table says so", (to) => {
    const verdict = mayMove(operationTransitions, "operation", from, to);
    expect(verdict.allowed).toBe(legal.has(`${from} > ${to}`));
    if (!verdict.allowed) expect(verdict.reason).toContain(`The operation is ${from}`);
  });
});

test("from every state some way leads to an end", () => {
  for (const status of operationStatuses) expect(reachable(status).some(hasEnded)).toBe(true);
});

function reachable(from: OperationStatus, seen = new Set<OperationStatus>()): OperationStatus[] {
  if (seen.has(from)) return [];
  seen.add(from);
  return [from, ...operationTransitions[from].flatMap((next) => reachable(next, seen))];
}
