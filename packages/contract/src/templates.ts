import { z } from "zod";
import { isolationRequest, label, language, logoUrl, presets, timezone } from "./tenants.ts";
import { plainText } from "./text.ts";

/** Bytes that starter data is uploaded in: each chunk but a file's last one has so many. */
export const templateChunkBytes = 1_048_576;

/** What a template may hold: bytes of one file, bytes of all together, and how many files. */
export const templateLimits = {
  fileBytes: 1_073_741_824,
  totalBytes: 2_147_483_648,
  dataFiles: 1_000,
  files: 10_000,
} as const;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in 64 lower-case hexadecimal digits");
export const templateChunkName = sha256;

const content = {
  size: z.int().min(0).max(Number.MAX_SAFE_INTEGER).describe("Bytes."),
  chunks: z
    .array(sha256)
    .max(2_048)
    .describe(`The SHA-256 of each ${templateChunkBytes} bytes of it, in order, of the rest at the end.`),
};

/** A path as it is shown in errors; of the template's own files. */
const fileName = z
  .string()
  .max(255)
  .regex(/^[\w][\w.+@ -]*(?:\/[\w][\w.+@ -]*)*$/, "must be a relative path of plain characters")
  .meta({ examples: ["media/logo.png"] });

export const templateDataFile = z.strictObject({ name: fileName, ...content });

export const templateFile = z.strictObject({
  key: z.string().min(1).max(960).describe("Under which the application finds it: `media/logo.png`."),
  contentType: z
    .string()
    .max(255)
    .regex(/^[\w.+-]+\/[\w.+-]+(?: *; *[\w.+-]+=(?:[\w.+-]+|"[\w.+ -]*"))*$/, "must be a media type")
    .meta({ examples: ["image/png"] })
    .default("application/octet-stream"),
  ...content,
});

const definition = z.strictObject({
  description: plainText(500).optional(),
  app: label.optional().describe("The application that it is for; the setting defaultApp when left out."),
  plan: label.optional(),
  region: label.optional(),
  groups: z.array(label).max(50).optional(),
  preset: z.enum(presets).optional(),
  isolation: isolationRequest.optional(),
  timezone: timezone.optional(),
  language: language.optional(),
  logoUrl: logoUrl.optional(),
  settings: z
    .record(z.string().max(100), z.unknown())
    .optional()
    .describe("Settings of the tenant. `{{ tenant.name }}` and the like in texts are filled in."),
  data: z
    .array(templateDataFile)
    .max(templateLimits.dataFiles)
    .optional()
    .describe("Files of plain SQL, in this order, all in one transaction as the tenant's own application."),
  files: z.array(templateFile).max(templateLimits.files).optional().describe("Files for its storage."),
});

/** A template without its name: all of it again makes the next revision. */
export const templateDefinition = definition;
export type TemplateDefinition = z.infer<typeof templateDefinition>;

export const createTemplateRequest = definition.extend({ name: label });
export type CreateTemplateRequest = z.infer<typeof createTemplateRequest>;

/** What a template says of the tenants made from it. */
export type TemplateConfiguration = Omit<TemplateDefinition, "description" | "app" | "data" | "files">;

const configuration = z.record(z.string(), z.unknown()).describe("What it says of the tenants made from it.");

export const templateReply = z
  .object({
    id: z.string(),
    name: z.string(),
    app: z.string(),
    revision: z.number().int().describe("The one shown; the newest unless another was asked for."),
    newestRevision: z.number().int(),
    description: z.string().nullable(),
    configuration,
    dataFiles: z.number().int(),
    dataBytes: z.number().int(),
    files: z.number().int(),
    fileBytes: z.number().int(),
    createdAt: z.string().describe("Of the revision shown."),
    createdBy: z.string().nullable(),
  })
  .meta({ id: "Template" });
export type TemplateReply = z.infer<typeof templateReply>;

export const templateDetailReply = templateReply
  .extend({
    data: z.array(z.object({ name: z.string(), size: z.number().int() })),
    storage: z.array(z.object({ key: z.string(), contentType: z.string(), size: z.number().int() })),
    tenants: z.number().int().describe("How many tenants were made from any revision of it."),
  })
  .meta({ id: "TemplateDetail" });
export type TemplateDetailReply = z.infer<typeof templateDetailReply>;
