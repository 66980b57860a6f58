import { z } from "zod";
import { label } from "./tenants.ts";

const chosen = (body: { tenant?: unknown; group?: unknown; all?: unknown }) =>
  [body.tenant, body.group, body.all].filter((one) => one !== undefined).length === 1;

export const runScriptRequest = z
  .strictObject({
    name: z
      .string()
      .max(200)
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\.sql$/, "must be a file name that ends in .sql")
      .meta({ examples: ["mend.sql"] }),
    sql: z
      .string()
      .min(1)
      .max(4_000_000)
      .describe("Statements that read and write rows, run in one transaction."),
    tenant: label.optional().describe("On this tenant: its slug or id."),
    group: label.optional().describe("On the tenants of this group."),
    all: z.literal(true).optional().describe("On all tenants of the application."),
    environment: label.default("production").describe("On the environments of this name."),
    again: z.boolean().default(false).describe("Also where the same text has been run before."),
    dryRun: z
      .boolean()
      .default(false)
      .describe("Take everything back at the end, and say what it would have changed."),
  })
  .refine(chosen, { message: "needs exactly one of tenant, group and all", path: ["tenant"] });
export type RunScriptRequest = z.input<typeof runScriptRequest>;

const scriptRun = z
  .object({
    operationId: z.string(),
    tenantId: z.string(),
    tenantSlug: z.string(),
    environmentId: z.string(),
    environment: z.string(),
    script: z.string().describe("Its name."),
    checksum: z.string().describe("SHA-256 of its text."),
    status: z.enum(["running", "succeeded", "failed"]),
    dryRun: z.boolean(),
    rowsChanged: z.number().int().nullable(),
    error: z.string().nullable(),
    requestedBy: z.string().nullable(),
    startedAt: z.string(),
    endedAt: z.string().nullable(),
  })
  .meta({ id: "ScriptRun" });
export type ScriptRun = z.infer<typeof scriptRun>;

export const scriptRunListReply = z.object({ items: z.array(scriptRun), nextCursor: z.string().nullable() });
