import type { TenantStatus } from "@tenantry/contract";
import { describe, expect, it } from "vitest";
import { requireTenantMove, tenantTransitions } from "./tenant-state.ts";

const legal = new Set([
  "requested>provisioning",
  "requested>deleted",
  "provisioning>active",
  "provisioning>failed",
  "active>suspended",
  "active>deleting",
  "suspended>active",
  "suspended>deleting",
  "deleting>active",
  "deleting>suspended",
  "deleting>failed",
  "deleting>purging",
  "purging>deleted",
  "failed>provisioning",
  "failed>deleting",
]);

const states = Object.keys(tenantTransitions) as TenantStatus[];
const moves = states.flatMap((from) => states.map((to) => [from, to] as const));

describe("the tenant's state machine [REG-3]", () => {
  it.each(moves)("decides on %s → %s", (from, to) => {
    const move = () => requireTenantMove(from, to);
    if (legal.has(`${from}>${to}`)) expect(move).not.toThrow();
    else expect(move).toThrow(new RegExp(`The tenant is ${from}: .*not ${to}`));
  });
});
