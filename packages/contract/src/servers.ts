import { z } from "zod";

const serverName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, "must be lower-case letters and digits, joined by . _ or -");

const serverUrl = z
  .string()
  .max(2_000)
  .refine((text) => isPostgresUrl(text), "must be postgres://user:password@host:port/database");

function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null && /^postgres(?:ql)?:$/.test(url.protocol) && url.username !== "" && url.pathname.length > 1
  );
}

export const createServerRequest = z.strictObject({
  name: serverName,
  url: serverUrl.describe(
    "Where it is and who works on it: a role with CREATEDB and CREATEROLE, or a superuser. Kept encrypted, never shown.",
  ),
  region: z
    .string()
    .max(63)
    .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, "must be lower-case letters and digits, joined by . _ or -")
    .optional(),
  capacity: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe("How many databases it may hold."),
  maxBackends: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe(
      "How many connections applications may hold on it; derived from its max_connections when left out.",
    ),
});
export type CreateServerRequest = z.infer<typeof createServerRequest>;

export const serverReply = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(["embedded", "external"]),
    host: z.string().nullable().describe("Null before a server that is started here has come up."),
    version: z.string(),
    region: z.string().nullable(),
    capacity: z.number(),
    databases: z.number().describe("Those of environments, and spares for environments to come."),
    maxBackends: z.number(),
    statementTimeoutMs: z.number().nullable(),
    dedicated: z.boolean().describe("It takes one environment at the level dedicated, and no other."),
    tenant: z.string().nullable().describe("The slug of the tenant whose own it is."),
    state: z.enum(["creating", "ready", "unavailable", "draining", "removing"]),
    createdAt: z.string(),
    warnings: z
      .array(z.string())
      .optional()
      .describe("What works but should be known; only when it is added."),
  })
  .meta({ id: "Server" });
export type ServerReply = z.infer<typeof serverReply>;
