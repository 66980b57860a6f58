import { z } from "zod";
import { appMigrations } from "./apps.ts";

export const schemaCheckRequest = z.strictObject({
  migrations: appMigrations.min(1).describe("All migrations, in the order in which they are applied."),
  check: z
    .string()
    .max(40)
    .optional()
    .describe(
      "The operation that the same request was answered with, once it has succeeded: what it found is taken, and nothing is tried again.",
    ),
});
export type SchemaCheckRequest = z.infer<typeof schemaCheckRequest>;

const finding = z
  .object({
    level: z.enum(["schema", "shared", "sqlite"]),
    severity: z
      .enum(["refused", "differs"])
      .describe(
        "refused: the level can't hold it; differs: it is held, and behaves otherwise than elsewhere.",
      ),
    object: z.string().describe("What it is about, such as: table notes."),
    file: z.string().nullable(),
    line: z.number().int().nullable(),
    problem: z.string(),
    remedy: z.string(),
  })
  .meta({ id: "SchemaFinding" });

export const schemaCheckReply = z
  .object({
    levels: z
      .array(z.object({ level: z.enum(["database", "schema", "shared", "sqlite"]), works: z.boolean() }))
      .describe("At which database levels the schema can be held; not which levels can be had here."),
    findings: z.array(finding),
  })
  .meta({ id: "SchemaCheck" });
export type SchemaCheckReply = z.infer<typeof schemaCheckReply>;
