import type { EnvironmentStatus } from "@tenantry/contract";
import { describe, expect, it } from "vitest";
import { environmentTransitions, requireEnvironmentMove } from "./environment-state.ts";

const legal = new Set([
  "provisioning>ready",
  "provisioning>failed",
  "provisioning>removing",
  "ready>maintenance",
  "ready>removing",
  "maintenance>ready",
  "maintenance>removing",
  "failed>provisioning",
  "failed>removing",
  "removing>removed",
]);

const states = Object.keys(environmentTransitions) as EnvironmentStatus[];
const moves = states.flatMap((from) => states.map((to) => [from, to] as const));

describe("the environment's state machine [REG-3]", () => {
  it.each(moves)("decides on %s → %s", (from, to) => {
    const move = () => requireEnvironmentMove(from, to);
    if (legal.has(`${from}>${to}`)) expect(move).not.toThrow();
    else expect(move).toThrow(new RegExp(`The environment is ${from}: .*not ${to}`));
  });
});
