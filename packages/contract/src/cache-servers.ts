import { z } from "zod";
import { name, sharing, warnings } from "./server-fields.ts";

const redisUrl = z
  .string()
  .max(2_000)
  .refine(
    (text) => /^rediss?:$/.test(URL.parse(text)?.protocol ?? "") && URL.parse(text)?.hostname !== "",
    "must be redis://user:password@host:port, or rediss:// for TLS",
  );

export const createCacheServerRequest = z.strictObject({
  name,
  url: redisUrl.describe(
    "Where it is and who works on it: a user that may do everything. Kept encrypted, never shown.",
  ),
  ...sharing,
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
    warnings,
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
