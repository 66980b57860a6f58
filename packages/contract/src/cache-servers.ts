import { z } from "zod";

const label = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, "must be lower-case letters and digits, joined by . _ or -");

const redisUrl = z
  .string()
  .max(2_000)
  .refine(
    (text) => /^rediss?:$/.test(URL.parse(text)?.protocol ?? "") && URL.parse(text)?.hostname !== "",
    "must be redis://user:password@host:port, or rediss:// for TLS",
  );

export const createCacheServerRequest = z.strictObject({
  name: label,
  url: redisUrl.describe(
    "Where it is and who works on it: a user that may do everything. Kept encrypted, never shown.",
  ),
  purpose: z
    .enum(["shared", "own"])
    .default("shared")
    .describe("For many tenants, or for one that asks for a server of its own."),
  region: label.optional(),
  capacity: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe("How many environments a shared one may hold."),
});
export type CreateCacheServerRequest = z.infer<typeof createCacheServerRequest>;

export const cacheServerReply = z
  .object({
    id: z.string(),
    name: z.string(),
    purpose: z.enum(["shared", "own"]),
    host: z.string(),
    version: z.string(),
    levels: z.array(z.string()).describe("What caches there can be."),
    region: z.string().nullable(),
    capacity: z.number(),
    caches: z.number().describe("How many environments have their cache there."),
    createdAt: z.string(),
    warnings: z
      .array(z.string())
      .optional()
      .describe("What works but should be known; only when it is added."),
  })
  .meta({ id: "CacheServer" });
export type CacheServerReply = z.infer<typeof cacheServerReply>;

const known = z.number().int().nullable();

export const cacheUsageReply = z.object({
  keys: known.describe("Null where only the application's processes know."),
  bytes: known,
});
export type CacheUsageReply = z.infer<typeof cacheUsageReply>;

export const flushCacheReply = z.object({
  keys: known.describe("How many keys went; null where only the processes know."),
});
export type FlushCacheReply = z.infer<typeof flushCacheReply>;
