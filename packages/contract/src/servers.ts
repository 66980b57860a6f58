import { z } from "zod";
import { capacity, name } from "./server-fields.ts";

const sslModes = ["disable", "prefer", "require", "verify-ca", "verify-full", "no-verify"];

const serverUrl = z
  .string()
  .max(2_000)
  .refine((text) => isPostgresUrl(text), "must be postgres://user:password@host:port/database")
  .refine(hasKnownSslMode, `takes as sslmode one of ${sslModes.join(", ")}`);

function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    !/\s/.test(text) &&
    /^postgres(?:ql)?:$/.test(url.protocol) &&
    url.username !== "" &&
    url.pathname.length > 1
  );
}

const poolerUrl = z
  .string()
  .max(2_000)
  .refine(
    (text) =>
      !/\s/.test(text) &&
      /^postgres(?:ql)?:$/.test(URL.parse(text)?.protocol ?? "") &&
      URL.parse(text)?.hostname !== "",
    "must be postgres://host:port",
  )
  .refine(hasKnownSslMode, `takes as sslmode one of ${sslModes.join(", ")}`);

const region = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, "must be lower-case letters and digits, joined by . _ or -");

const maxBackends = z.number().int().min(1).max(100_000);
const statementTimeoutMs = z.number().int().min(1).max(86_400_000);

/** A mode that nobody knows would be read as none at all. */
function hasKnownSslMode(text: string): boolean {
  const mode = URL.parse(text)?.searchParams.get("sslmode");
  return mode === undefined || mode === null || sslModes.includes(mode);
}

export const createServerRequest = z
  .strictObject({
    name,
    url: serverUrl.describe(
      "Where it is and who works on it: a role with CREATEDB and CREATEROLE, or a superuser. Kept encrypted, never shown.",
    ),
    poolerUrl: poolerUrl
      .optional()
      .describe(
        "A pooler in transaction mode before the server, through which applications go: host, port and TLS; logins and databases are the server's.",
      ),
    region: region.optional(),
    capacity: capacity.default(10_000).describe("How many databases it may hold."),
    maxBackends: maxBackends
      .optional()
      .describe(
        "How many connections applications may hold on it; derived from its max_connections when left out.",
      ),
    statementTimeoutMs: statementTimeoutMs
      .optional()
      .describe("How long a statement of an application may take there; as the SDK says when left out."),
    dedicated: z
      .boolean()
      .default(false)
      .describe("Kept for one environment at the level dedicated: it takes no other."),
    tenant: z
      .string()
      .min(1)
      .max(100)
      .regex(/^[a-z0-9_-]+$/, "must be a slug or an id")
      .optional()
      .describe(
        "Whose own it is: it takes this tenant's databases alone, and all of them but those it shares.",
      ),
  })
  .refine(({ dedicated, tenant }) => !dedicated || tenant === undefined, {
    path: ["dedicated"],
    message: "a tenant's own server is for whatever it has: leave this out",
  });
export type CreateServerRequest = z.infer<typeof createServerRequest>;

export const updateServerRequest = z
  .strictObject({
    url: serverUrl
      .optional()
      .describe(
        "Another way to the same server: it is checked, and has to hold the databases that stand on it.",
      ),
    poolerUrl: poolerUrl.nullable().optional().describe("Null: applications go straight to the server."),
    region: region.nullable().optional(),
    capacity: capacity.optional(),
    maxBackends: maxBackends.optional(),
    statementTimeoutMs: statementTimeoutMs.nullable().optional(),
    state: z
      .enum(["ready", "draining"])
      .optional()
      .describe("A server that is being drained takes no new databases; what stands there stays."),
  })
  .refine((body) => Object.keys(body).length > 0, "must change at least one field");
export type UpdateServerRequest = z.infer<typeof updateServerRequest>;

export const serverReply = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z
      .enum(["embedded", "external", "directory"])
      .describe("Brought along or started here, given to us, or a directory of SQLite files."),
    host: z
      .string()
      .nullable()
      .describe("Null before a server that is started here has come up; of a directory its path."),
    pooler: z.string().nullable().describe("Host and port of the pooler that applications go through."),
    version: z.string().describe("Of PostgreSQL, or of SQLite."),
    region: z.string().nullable(),
    capacity: z.number(),
    databases: z.number().describe("Those of environments, and spares for environments to come."),
    maxBackends: z.number(),
    protection: z
      .enum(["verified", "encrypted", "none", "local"])
      .nullable()
      .describe(
        "How the way to it is protected: encrypted with its certificate checked, encrypted, not at all, or within this machine.",
      ),
    statementTimeoutMs: z.number().nullable(),
    dedicated: z.boolean().describe("It takes one environment at the level dedicated, and no other."),
    tenant: z.string().nullable().describe("The slug of the tenant whose own it is."),
    state: z.enum(["creating", "ready", "unavailable", "draining", "removing"]),
    createdAt: z.string(),
    warnings: z
      .array(z.string())
      .optional()
      .describe("What works but should be known; only when it is added, or its URL is changed."),
  })
  .meta({ id: "Server" });
export type ServerReply = z.infer<typeof serverReply>;
