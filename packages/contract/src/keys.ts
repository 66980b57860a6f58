import { z } from "zod";
import { plainText } from "./text.ts";

export const createKeyRequest = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("operator"),
    name: plainText(100).describe("What it is for, for people."),
  }),
  z.strictObject({
    kind: z.literal("app"),
    name: plainText(100).describe("What it is for, for people."),
    app: z.string().max(100).describe("The application it speaks for: its id or its slug."),
  }),
]);
export type CreateKeyRequest = z.infer<typeof createKeyRequest>;

export const keyReply = z
  .object({
    id: z.string(),
    kind: z.enum(["operator", "app"]),
    name: z.string(),
    hint: z.string().describe("How the key begins."),
    appId: z.string().nullable(),
    createdAt: z.string(),
    lastUsedAt: z.string().nullable().describe("To the minute."),
    expiresAt: z.string().nullable(),
  })
  .meta({ id: "Key" });
export type KeyReply = z.infer<typeof keyReply>;

export const newKeyReply = keyReply.extend({
  key: z.string().describe("The key itself. It is shown this once and kept nowhere."),
});
export type NewKeyReply = z.infer<typeof newKeyReply>;
