import { z } from "zod";

const migrationName = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\.sql$/, "must be a file name that ends in .sql")
  .meta({ examples: ["001_first.sql"] });

const migration = z.strictObject({ name: migrationName, sql: z.string().max(4_000_000) });

export const appMigrations = z.array(migration).max(5000);

const variables = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, "must be the name of an environment variable"),
    z.string().max(10_000),
  )
  .refine((all) => !Object.keys(all).some((name) => reservedVariables.has(name)), {
    message: "must not set PORT, TENANTRY_URL, TENANTRY_APP_KEY or TENANTRY_INSTANCE: Tenantry sets them",
  });

const reservedVariables = new Set(["PORT", "TENANTRY_URL", "TENANTRY_APP_KEY", "TENANTRY_INSTANCE"]);

const release = {
  migrations: appMigrations
    .default([])
    .describe("All of the app's migrations, in order; those applied already must be as they were."),
  upstreamUrl: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .optional()
    .describe("Where the application answers, when you run it yourself."),
  command: z
    .string()
    .max(4000)
    .regex(/\S/, "must say what to start")
    .optional()
    .describe("How to start it, when Tenantry is to run it."),
  workingDirectory: z
    .string()
    .max(4000)
    .regex(/^\//, "must be an absolute path")
    .meta({ examples: ["/srv/app"] })
    .optional(),
  variables: variables.default({}),
  healthPath: z
    .string()
    .max(1000)
    .regex(/^\/[^\s]*$/, "must be a path that begins with /")
    .meta({ examples: ["/health"] })
    .default("/"),
  maxFailures: z
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe(
      "Environments whose database may fail to be migrated: they keep the release that they have. With more, the release fails; a twentieth when left out, and never all.",
    ),
};

const exactlyOneRunner = (body: { upstreamUrl?: unknown; command?: unknown }) =>
  (body.upstreamUrl === undefined) !== (body.command === undefined);
const oneRunner = { message: "needs either upstreamUrl or command", path: ["upstreamUrl"] };

export const createAppRequest = z
  .strictObject({
    slug: z
      .string()
      .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, "must be lower-case letters, digits and single hyphens")
      .min(2)
      .max(50),
    ...release,
  })
  .refine(exactlyOneRunner, oneRunner);
export type CreateAppRequest = z.infer<typeof createAppRequest>;

export const createReleaseRequest = z.strictObject(release).refine(exactlyOneRunner, oneRunner);
export type CreateReleaseRequest = z.infer<typeof createReleaseRequest>;

export const appReply = z
  .object({
    id: z.string(),
    slug: z.string(),
    schemaVersion: z.number(),
    tenants: z.number(),
    createdAt: z.string(),
    currentRelease: z
      .object({
        id: z.string(),
        number: z.number(),
        upstreamUrl: z.string().nullable(),
        command: z.string().nullable(),
        createdAt: z.string(),
      })
      .nullable(),
    instances: z.array(
      z.object({
        id: z.string(),
        url: z.string().nullable(),
        state: z.string(),
        restarts: z.number(),
        lastError: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: "App" });
export type AppReply = z.infer<typeof appReply>;

export const appListReply = z.object({ items: z.array(appReply), nextCursor: z.string().nullable() });

export const createAppReply = appReply.extend({
  appKey: z.string().describe("The application's key, shown only this once: TENANTRY_APP_KEY."),
  operationId: z.string().describe("The operation that makes the first release ready."),
});
