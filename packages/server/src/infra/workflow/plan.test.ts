import { type OperationStatus, operationStatuses, type StepStatus, stepStatuses } from "@tenantry/contract";
import { expect, test } from "vitest";
import { type Action, nextAction } from "./plan.ts";

const after = (status: OperationStatus, ...steps: StepStatus[]): Action =>
  nextAction(
    status,
    steps.map((step) => ({ status: step })),
  );

test("forward, the first step that isn't done runs, whatever befell it", () => {
  for (const unfinished of stepStatuses.filter((status) => status !== "done"))
    expect(after("running", "done", unfinished, "pending")).toEqual({ type: "run", ordinal: 1 });
});

test("forward, all done is success", () => {
  expect(after("running", "done", "done")).toEqual({ type: "end", status: "succeeded" });
});

test("back, the last step that may have had an effect is undone first", () => {
  for (const touched of ["running", "done", "failed", "undoing"] as const)
    for (const status of ["undoing", "cancelling"] as const)
      expect(after(status, "done", touched, "undone", "pending")).toEqual({ type: "undo", ordinal: 1 });
});

test("back, nothing left is the end that the way back had from its beginning", () => {
  expect(after("undoing", "undone", "pending")).toEqual({ type: "end", status: "failed" });
  expect(after("cancelling", "undone", "pending")).toEqual({ type: "end", status: "cancelled" });
});

test("in every other state a worker leaves it alone", () => {
  const atWork: OperationStatus[] = ["running", "undoing", "cancelling"];
  for (const status of operationStatuses.filter((it) => !atWork.includes(it)))
    expect(after(status, "done", "pending")).toEqual({ type: "leave" });
});

test("back, a step that stays keeps saying how it ended, and only one that was cut off is looked at", () => {
  const back = (...steps: [StepStatus, boolean][]) =>
    nextAction(
      "undoing",
      steps.map(([status, stays]) => ({ status, stays })),
    );
  expect(back(["done", false], ["done", true], ["failed", true])).toEqual({ type: "undo", ordinal: 0 });
  expect(back(["undone", false], ["done", true], ["failed", true])).toEqual({
    type: "end",
    status: "failed",
  });
  for (const cutOff of ["running", "undoing"] as const)
    expect(back(["done", false], [cutOff, true])).toEqual({ type: "undo", ordinal: 1 });
});
