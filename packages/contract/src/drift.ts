import { z } from "zod";
import { label } from "./tenants.ts";

export const startDriftCheckRequest = z
  .strictObject({
    tenant: label.optional().describe("Of one tenant alone: its slug or id."),
    group: label.optional().describe("Of the tenants of a group alone."),
  })
  .refine((body) => body.tenant === undefined || body.group === undefined, {
    message: "must not stand beside tenant",
    path: ["group"],
  });

const driftedDatabase = z
  .object({
    databaseId: z.string(),
    level: z.string(),
    server: z.string().describe("The database server's name."),
    schemaVersion: z.number().int(),
    tenants: z
      .array(z.string())
      .describe("Who lives in it; the first five, with `--environment` beside production."),
    environments: z.number().int(),
    checkedAt: z.string(),
    differences: z.array(
      z.object({
        object: z.string().describe('Such as: column "notes"."stars".'),
        problem: z.enum(["missing", "unexpected", "different"]),
        detail: z.string().nullable().describe("What it is, and what it should be."),
      }),
    ),
  })
  .meta({ id: "DriftedDatabase" });
export type DriftedDatabase = z.infer<typeof driftedDatabase>;

export const driftReply = z
  .object({
    counts: z.object({
      databases: z.number().int(),
      checked: z
        .number()
        .int()
        .describe("Those that were looked at since their schema version last changed."),
      drifted: z.number().int(),
    }),
    items: z.array(driftedDatabase),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: "Drift" });
export type DriftReply = z.infer<typeof driftReply>;
