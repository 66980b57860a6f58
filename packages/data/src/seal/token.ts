import { createHmac } from "node:crypto";

/** Longer than this a database takes no token for. */
export const sealTokenSeconds = 60;

export type SealClaims = {
  /** The physical database that the token is good for; a UUID, as the next. */
  databaseId: string;
  environmentId: string;
  /** By the database server's clock, in whole seconds since 1970; no more than `sealTokenSeconds` ahead. */
  expiresAt: number;
  /** The backend that may be entered with it; 0 where a pooler stands between, and any backend may. */
  backend: number;
};

/**
 * Proves to a database at the level `shared` that the holder of its key means this environment. The format is fixed in
 * every position, so that nothing has to be parsed: version, environment, expiry, backend, and HMAC-SHA256 over these and
 * the database's id. A token is a secret of its environment: bind it, never write it into a statement.
 */
export function mintSealToken(key: Buffer, claims: SealClaims): string {
  const environment = hexOf(claims.environmentId);
  const rest = `${environment}${digits(claims.expiresAt)}${digits(claims.backend)}`;
  const code = createHmac("sha256", key)
    .update(`1${hexOf(claims.databaseId)}${rest}`)
    .digest("hex");
  return `1${rest}${code}`;
}

const hexOf = (uuid: string): string => uuid.replaceAll("-", "").toLowerCase();

const digits = (number: number): string => String(number).padStart(10, "0");
