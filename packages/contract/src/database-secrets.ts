import { z } from "zod";

export const databaseSecretsReply = z
  .object({ databases: z.number().int().describe("How many shared databases the application has.") })
  .meta({ id: "DatabaseSecrets" });
export type DatabaseSecretsReply = z.infer<typeof databaseSecretsReply>;
