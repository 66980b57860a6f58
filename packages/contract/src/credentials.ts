import { z } from "zod";

/** A day: nobody should have to keep an old password in use for longer than a deployment takes. */
const longestOverlapSeconds = 86_400;

export const rotateCredentialsRequest = z.strictObject({
  overlapSeconds: z
    .number()
    .int()
    .min(0)
    .max(longestOverlapSeconds)
    .default(0)
    .describe(
      "How long the login before this one stays good, so that programs can be changed over one by one; 0 ends it, and its connections, at once.",
    ),
});
export type RotateCredentialsRequest = z.infer<typeof rotateCredentialsRequest>;

export const credentialsReply = z
  .object({
    environment: z.string().describe("The environment's name, such as production."),
    level: z.string().describe("The database level at which the environment lives."),
    url: z.string().describe("For psql and any driver. Holds the password."),
    host: z.string(),
    port: z.number().int(),
    database: z.string(),
    user: z.string(),
    password: z.string(),
    schema: z
      .string()
      .describe("Where the tables are, for clients that put a schema before each name, such as Prisma."),
    open: z
      .boolean()
      .describe("Whether it lets anybody in now: not while the tenant is suspended or being deleted."),
    createdAt: z.string(),
    previous: z
      .array(z.object({ user: z.string(), expiresAt: z.string() }))
      .describe("Logins from before a rotation that are still good for a while."),
  })
  .meta({ id: "Credentials" });
export type CredentialsReply = z.infer<typeof credentialsReply>;
