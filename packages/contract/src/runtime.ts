import { z } from "zod";

/**
 * What an application's SDK follows: `GET /v1/runtime/snapshot?since=<cursor>` by app key, again whenever the event
 * stream `GET /v1/runtime/stream` says that the version moved. It holds secrets: it goes to the application alone.
 */
export type RuntimeSnapshot = {
  /** Pass it as `since` to get only what changed after it. */
  cursor: string;
  /** More is waiting: ask again with the cursor right away. */
  hasMore: boolean;
  /** True when the answer starts from nothing: forget environments that no page of it names. */
  full: boolean;
  environments: RuntimeEnvironment[];
  /** Environments to forget. */
  removed: string[];
  /** The public keys that `Tenantry-Token` is signed with (RFC 7517). */
  keys: { keys: JsonWebKeyWithId[] };
  /** The audience that `Tenantry-Token` carries for this application, and its issuer. */
  audience: string;
  issuer: string;
  /** Database backends this process may hold, by server id. */
  budgets: { serverId: string; backends: number }[];
  /** The space that all tenants of the application share when they ask for it; in its processes when it isn't here. */
  globalCache?: RuntimeEnvironment["cache"];
  /** With what the application's processes prove to each other whose a job is: 32 bytes in base64, always the same. */
  jobKey: string;
};

export type JsonWebKeyWithId = { kid: string; kty: string; crv: string; x: string; alg: string; use: string };

export type EnvironmentStatus = "provisioning" | "ready" | "maintenance" | "failed" | "removing" | "removed";

export const tenantStatuses = [
  "requested",
  "provisioning",
  "active",
  "suspended",
  "deleting",
  "purging",
  "deleted",
  "failed",
] as const;
export type TenantStatus = (typeof tenantStatuses)[number];

export type DatabaseLevel = "shared" | "schema" | "database" | "dedicated" | "sqlite";

/**
 * With what a process proves to a database that many environments share which of them it means: UUIDs, and the secret
 * of this application and that database, 32 bytes in base64. `pooled`: the URL leads to a pooler.
 */
export type RuntimeSeal = { databaseId: string; environmentId: string; key: string; pooled: boolean };

/** A place but for the generation, which is its placement's. */
export type WithoutGeneration<Place> = Place extends unknown ? Omit<Place, "generation"> : never;

/** Where an environment's files are: in a directory, or in a bucket below a prefix (empty, or ending with `/`). */
export type RuntimeStorage =
  | {
      driver: "fs";
      directory: string;
      /** What requests for files are signed with, which the application answers itself; the environment's alone. */
      signingKey?: string;
      generation: number;
    }
  | {
      driver: "s3";
      endpoint: string;
      region: string;
      bucket: string;
      prefix: string;
      accessKeyId: string;
      secretAccessKey: string;
      generation: number;
    }
  | {
      driver: "s3";
      endpoint: string;
      region: string;
      bucket: string;
      prefix: string;
      /** Keys are given for a time: `POST /v1/runtime/environments/<id>/storage/keys`. */
      temporary: true;
      generation: number;
    };

export const runtimeForeignFileRequest = z.strictObject({
  owner: z
    .string()
    .regex(/^env_[0-9a-z]{26}$/, "must be an environment's id")
    .describe("The id of the environment that the address was signed for."),
});

export const runtimeStorageKeysRequest = z.strictObject({
  lastsSeconds: z
    .number()
    .int()
    .min(900)
    .max(3_600)
    .default(900)
    .describe("So long they are good for. Longer ones outlive a suspension for longer."),
});

export const runtimeStorageKeysReply = z
  .object({
    accessKeyId: z.string(),
    secretAccessKey: z.string(),
    sessionToken: z.string(),
    lastsSeconds: z.number().describe("From when they were asked for."),
  })
  .meta({ id: "RuntimeStorageKeys" });
export type RuntimeStorageKeys = z.infer<typeof runtimeStorageKeysReply>;

export const childReply = z
  .object({
    slug: z.string(),
    name: z.string(),
    status: z.enum(tenantStatuses),
    plan: z.string().nullable().describe("Its own, or what it inherits."),
    url: z.string().nullable().describe("Where its production environment is, while it has an address."),
  })
  .meta({ id: "Child" });
/** A tenant below one, as far as that one sees it. */
export type Child = z.infer<typeof childReply>;

/** One environment as its application sees it. `id` and `tenantId` are TypeIDs (`env_…`, `tnt_…`). */
export type RuntimeEnvironment = {
  id: string;
  name: string;
  status: EnvironmentStatus;
  tenantId: string;
  tenantSlug: string;
  tenantName: string;
  tenantStatus: TenantStatus;
  /** Whether a tenant right below it lets it see that it is there. */
  hasChildren?: boolean;
  /** The tenant's own, or that of the nearest tenant above it that has one. */
  plan?: string | null;
  logoUrl?: string | null;
  timezone: string;
  language: string;
  /** Every hostname that leads here; the first is the primary one. */
  hostnames: string[];
  /** The effective settings: platform, plan, the tenants above, tenant and environment layered. */
  settings: Record<string, unknown>;
  database?: {
    level: DatabaseLevel;
    serverId: string;
    /** At the level `sqlite` a file of this machine (`file:///…`). */
    url: string;
    generation: number;
    /** The URL leads to a pooler in transaction mode: nothing of a session lasts beyond a transaction. */
    pooled?: boolean;
    /** How long a statement may take on this server, when the operator has said so. */
    statementTimeoutMs?: number;
    /** At the level `shared` alone. */
    seal?: RuntimeSeal;
    /** At the level `sqlite`, where the file is encrypted: 32 bytes in base64. */
    encryptionKey?: string;
  };
  storage?: RuntimeStorage;
  /** In Redis keys begin with `prefix`, and the URL's user has no right to others. */
  cache?:
    | { driver: "memory"; prefix: string; generation: number }
    | { driver: "redis"; url: string; prefix: string; generation: number };
};

/** The session's user, as `POST /v1/runtime/auth/…` answers. */
export type RuntimeUser = { id: string; email: string; name: string | null; role: string };

/** `POST /v1/runtime/auth/login` `{ environmentId, email, password, address?, userAgent? }`. */
export type RuntimeLogin = { token: string; expiresAt: string; user: RuntimeUser };

/** The claims of `Tenantry-Token`, beside `iss`, `aud`, `iat`, `exp`. */
export type TenantTokenClaims = { sub: string; env: string; slug: string };

/** What a gateway adds to each request it passes on. Whatever a client sends under `Tenantry-` is dropped. */
export const tenantHeaders = {
  tenant: "tenantry-tenant",
  environment: "tenantry-environment",
  requestId: "tenantry-request-id",
  token: "tenantry-token",
} as const;
