import { z } from "zod";

/** Every state an operation can be in. On the way back, `undoing` ends as failed and `cancelling` as cancelled. */
export const operationStatuses = [
  "queued",
  "running",
  "waiting",
  "cancelling",
  "undoing",
  "succeeded",
  "failed",
  "cancelled",
  "needs_operator",
] as const;
export type OperationStatus = (typeof operationStatuses)[number];

export const stepStatuses = ["pending", "running", "done", "failed", "undoing", "undone"] as const;
export type StepStatus = (typeof stepStatuses)[number];

/** What went wrong, as the operation recorded it: the code and text of a problem document. */
export const operationError = z
  .object({
    code: z.string(),
    title: z.string(),
    detail: z.string().optional(),
    remedy: z.string().optional(),
  })
  .meta({ id: "OperationError" });

export const operationStepReply = z
  .object({
    name: z.string(),
    title: z.string().describe("For people."),
    status: z.enum(stepStatuses),
    attempt: z.number().int().describe("Which try this is, or was; 0 before the first."),
    startedAt: z.iso.datetime().nullable(),
    endedAt: z.iso.datetime().nullable(),
    tookMs: z.number().nullable().describe("Milliseconds of its last try; null until that has ended."),
    error: operationError.nullable().describe("What its last try failed with."),
  })
  .meta({ id: "OperationStep" });

export const operationReply = z
  .object({
    id: z.string().describe("op_…"),
    kind: z.string().describe("What is being done, such as tenant.provision."),
    status: z.enum(operationStatuses),
    tenantId: z.string().nullable(),
    environmentId: z.string().nullable(),
    progress: z.number().min(0).max(1),
    message: z.string().nullable().describe("What it is doing, for people."),
    error: operationError.nullable(),
    steps: z.array(operationStepReply),
    requestedBy: z.string().nullable(),
    waitUntil: z.iso.datetime().nullable().describe("When it goes on, if it waits for a time."),
    stuckSince: z.iso
      .datetime()
      .nullable()
      .describe("Since when nothing has happened, if that is too long (setting operationStuckAfterMinutes)."),
    createdAt: z.iso.datetime(),
    startedAt: z.iso.datetime().nullable(),
    endedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "Operation" });
export type OperationReply = z.infer<typeof operationReply>;

export const operationListReply = z.object({
  items: z.array(operationReply),
  nextCursor: z.string().nullable(),
});
