export type RouteStatus = "provisioning" | "active" | "suspended" | "maintenance" | "failed" | "deleted";

/** What the gateway knows of one hostname. */
export type Route = {
  readonly hostname: string;
  readonly environmentId: string;
  readonly environmentName: string;
  readonly tenantId: string;
  readonly tenantSlug: string;
  readonly tenantName: string;
  readonly appId: string;
  readonly upstreamId: string | null;
  readonly status: RouteStatus;
  readonly statusReason: string | null;
  /** What visitors are told during maintenance, and after how long to come again. */
  readonly message: string | null;
  readonly retryAfterSeconds: number | null;
  /** 0 to 1, while it is being provisioned. */
  readonly progress: number | null;
  readonly redirectTo: string | null;
  /** When the redirect ends, in milliseconds since 1970. */
  readonly expiresAt: number | null;
  readonly version: number;
};

/** Where an application answers: any of `urls`. */
export type Upstream = { readonly id: string; readonly urls: readonly string[]; readonly version: number };

/** What an operator decided for all hosts. */
export type GatewaySettings = {
  /** Whether hosts that nobody gave a certificate get one from the installation's own authority. */
  readonly automaticTls: boolean;
};

/** What was deleted: a hostname, or `upstream:<id>`. */
export type Tombstone = { readonly key: string; readonly version: number };
