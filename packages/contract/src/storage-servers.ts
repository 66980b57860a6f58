import { z } from "zod";
import { name, sharing, warnings } from "./server-fields.ts";

export const storageLevels = ["prefix", "bucket", "own"] as const;
export type StorageLevel = (typeof storageLevels)[number];

/** Whose key an application gets at an S3 server. */
export const storageKeys = ["user", "temporary", "server"] as const;

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  const isBare = url?.pathname === "/" && url.search === "" && url.hash === "";
  return url !== null && isBare && /^https?:$/.test(url.protocol) && url.username === "";
}

export const createStorageServerRequest = z.strictObject({
  name,
  endpoint: z
    .string()
    .max(500)
    .refine(isOrigin, "must be https://host or http://host, with a port where it needs one"),
  bucket: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]$/, "must be a bucket's name: a-z, 0-9 and hyphens")
    .meta({ examples: ["tenantry"] })
    .describe(
      "Stands already, and is for this installation alone. Buckets of environments are called after it.",
    ),
  accessKeyId: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[\x21-\x7e]+$/, "must be plain characters")
    .meta({ examples: ["AKIA4"] }),
  secretAccessKey: z
    .string()
    .min(1)
    .max(256)
    .regex(/^[\x21-\x7e]+$/, "must be plain characters")
    .meta({ examples: ["secret"] })
    .describe("Kept encrypted, never shown."),
  signingRegion: name
    .default("us-east-1")
    .describe("What requests are signed for: the server's own name of its region."),
  purpose: sharing.purpose,
  tenant: z
    .string()
    .regex(/^[a-z0-9](-?[a-z0-9]){2,49}$/, "must be a tenant's slug")
    .optional()
    .describe("The slug of whose it is: nobody else gets it."),
  users: z
    .enum(["ceph"])
    .optional()
    .describe(
      "How each bucket gets a user of its own: by Ceph's admin API, which the key must be allowed to use.",
    ),
  roleArn: z
    .string()
    .max(2_048)
    .regex(/^arn:[\x21-\x7e]+$/, "must be a role's ARN: arn:…")
    .optional()
    .describe(
      "The role by which applications get keys for a time, each for one environment's files (STS's AssumeRole), where no users are made.",
    ),
  stsEndpoint: z
    .string()
    .max(500)
    .refine(isOrigin, "must be https://host or http://host, with a port where it needs one")
    .optional()
    .describe("Where the STS is: AWS's own of the region, else the S3 server, when left out."),
  region: sharing.region,
  capacity: sharing.capacity,
});
export type CreateStorageServerRequest = z.infer<typeof createStorageServerRequest>;

export const storageServerReply = z
  .object({
    id: z.string(),
    name: z.string(),
    purpose: z.enum(["shared", "own"]),
    endpoint: z.string(),
    bucket: z.string(),
    accessKeyId: z.string(),
    signingRegion: z.string(),
    users: z.enum(["ceph"]).nullable(),
    roleArn: z.string().nullable(),
    stsEndpoint: z.string().nullable(),
    keys: z
      .object({ prefix: z.enum(storageKeys), bucket: z.enum(storageKeys) })
      .describe(
        "What applications get: a key of the environment's own user, one for a time, or the server's.",
      ),
    levels: z.array(z.enum(storageLevels)).describe("How files there can be kept apart."),
    tenant: z.string().nullable(),
    region: z.string().nullable(),
    capacity: z.number(),
    environments: z.number().describe("How many have their files there."),
    createdAt: z.string(),
    warnings,
  })
  .meta({ id: "StorageServer" });
export type StorageServerReply = z.infer<typeof storageServerReply>;
