import { z } from "zod";
import { appMigrations } from "./apps.ts";
import { label } from "./tenants.ts";

const tenant = label.describe("Of one tenant alone: its slug or id.");
const group = label.describe("Of the tenants of a group alone.");

export const startMigrationRequest = z
  .strictObject({
    tenant: tenant.optional(),
    group: group.optional(),
    concurrency: z
      .int()
      .min(1)
      .max(64)
      .optional()
      .describe("Databases at once, as far as their servers' budgets of connections allow."),
  })
  .refine((body) => body.tenant === undefined || body.group === undefined, {
    message: "must not stand beside tenant",
    path: ["group"],
  });
export type StartMigrationRequest = z.infer<typeof startMigrationRequest>;

/** How an environment's database stands to its application's current schema. */
export const migrationStates = ["current", "behind", "failed"] as const;

const environmentMigration = z
  .object({
    tenantId: z.string(),
    tenantSlug: z.string(),
    environmentId: z.string(),
    environment: z.string(),
    level: z.string(),
    server: z.string().describe("The database server's name."),
    schemaVersion: z.number().int().describe("How many of the application's migrations its database has."),
    state: z
      .enum(migrationStates)
      .describe(
        "failed: the last attempt to migrate it came to nothing, be it by a release that failed as a whole.",
      ),
    heldRelease: z
      .number()
      .int()
      .nullable()
      .describe("The release that it keeps until its database has caught up, by its number."),
    failure: z
      .object({
        operationId: z.string(),
        targetVersion: z.number().int(),
        attempts: z.number().int(),
        failedAt: z.string(),
        code: z.string(),
        detail: z.string(),
        remedy: z.string().nullable(),
      })
      .nullable(),
  })
  .meta({ id: "EnvironmentMigration" });
export type EnvironmentMigration = z.infer<typeof environmentMigration>;

const counts = z.object({
  environments: z.number().int(),
  current: z.number().int(),
  behind: z.number().int(),
  failed: z.number().int().describe("Whose last attempt came to nothing, behind or not."),
  heldBack: z.number().int(),
});

export const migrationListReply = z
  .object({
    schemaVersion: z.number().int().describe("Of the application's current release."),
    counts,
    items: z.array(environmentMigration),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: "MigrationList" });
export type MigrationListReply = z.infer<typeof migrationListReply>;

export const planMigrationRequest = z
  .strictObject({
    tenant: tenant.optional(),
    group: group.optional(),
    migrations: appMigrations
      .min(1)
      .optional()
      .describe("Of a release that is only thought of: all of them, in order. They are tried, too."),
    rehearsal: z
      .string()
      .max(40)
      .optional()
      .describe(
        "The operation that the same request was answered with, once it has succeeded: what it found is taken, and not looked for again.",
      ),
  })
  .refine((body) => body.tenant === undefined || body.group === undefined, {
    message: "must not stand beside tenant",
    path: ["group"],
  });
export type PlanMigrationRequest = z.infer<typeof planMigrationRequest>;

export const migrationPlanReply = z
  .object({
    schemaVersion: z.number().int().describe("Where the databases would come to."),
    groups: z
      .array(
        z.object({
          level: z.string(),
          schemaVersion: z.number().int().describe("Where these databases stand."),
          databases: z.number().int(),
          environments: z.number().int(),
          tenants: z.array(z.string()).describe("The slugs of the first few."),
          pending: z.array(z.string()).describe("The files that they would get, in order."),
        }),
      )
      .describe("Databases that are behind, those at one level and version together."),
    tried: z
      .boolean()
      .describe(
        "Whether the new files were applied to an empty database, without an error. It holds no tenant's rows.",
      ),
    rehearsal: z
      .object({
        tenant: z.string().nullable().describe("Whose rows the copy had; it had none when null."),
        rows: z.number().int().nullable().describe("How many."),
        files: z.array(
          z.object({
            name: z.string(),
            transactional: z.boolean().describe("When not, nothing is known of its locks."),
            tookMs: z.number().int(),
            locks: z
              .array(
                z.object({
                  table: z.string(),
                  blocks: z
                    .enum(["writes", "reads and writes"])
                    .describe("What waits until the file is done."),
                  rewritten: z.boolean().describe("Whether all of its rows are written anew, or removed."),
                }),
              )
              .describe("Tables that were there before the file, and that it keeps from others."),
          }),
        ),
      })
      .nullable()
      .describe(
        "What is pending, on a copy of the named tenant's production, or of nobody; null when nothing is.",
      ),
    refused: z
      .array(z.object({ level: z.string(), object: z.string(), problem: z.string(), remedy: z.string() }))
      .describe("What a level in use can't hold of the new schema."),
  })
  .meta({ id: "MigrationPlan" });
export type MigrationPlanReply = z.infer<typeof migrationPlanReply>;
