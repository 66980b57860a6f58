import type { UserRole } from "./access.ts";
import type { DatabaseLevel, RuntimeUser } from "./runtime.ts";

/**
 * What an application's tests (`@tenantry/testing`) and the host of their tenants say to each other, on one machine and
 * in one version of both: it isn't part of the API.
 */
export const testKitProtocol = 2;

/** Where the host answers, and its key; in `host.json` of its directory. */
export type TestKitAddress = { url: string; key: string; pid: number; protocol: number };

export type TestKitJoin = {
  level: DatabaseLevel;
  migrations: { name: string; sql: string }[];
};

/** The first event of the stream that `POST /kit/members` answers with. The membership lasts as long as the stream. */
export type TestKitJoined = {
  memberId: string;
  appKey: string;
  /** With what a request to the application is signed as the gateway does it: PKCS #8 in base64. */
  signing: { kid: string; privateKey: string; issuer: string; audience: string };
};

/** `POST /kit/members/{id}/tenants`: what is left out is made up. */
export type TestKitTenant = {
  level?: DatabaseLevel;
  slug?: string;
  name?: string;
  timezone?: string;
  language?: string;
  settings?: Record<string, unknown>;
};

/** `PATCH /kit/members/{id}/tenants/{environmentId}`. */
export type TestKitChange = Pick<TestKitTenant, "name" | "timezone" | "language" | "settings"> & {
  state?: "active" | "suspended" | "maintenance";
};

/** `POST /kit/members/{id}/tenants/{environmentId}/sessions`: what is left out is made up. */
export type TestKitUser = { email?: string; name?: string; role?: UserRole };

export type TestKitSession = { token: string; user: RuntimeUser };
