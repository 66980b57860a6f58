import { hash } from "node:crypto";

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
  return `1${rest}${codeOf(key, `1${hexOf(claims.databaseId)}${rest}`)}`;
}

/** HMAC-SHA256 in hexadecimal (RFC 2104). Node's own makes a key object first, which takes five times as long. */
function codeOf(key: Buffer, message: string): string {
  if (key.length > blockBytes) throw new TypeError("The seal's key has 32 bytes.");
  const inner = Buffer.alloc(blockBytes + message.length, 0x36);
  const outer = Buffer.alloc(blockBytes + 32, 0x5c);
  for (let index = 0; index < key.length; index += 1) {
    inner[index] = key[index]! ^ 0x36;
    outer[index] = key[index]! ^ 0x5c;
  }
  inner.write(message, blockBytes, "latin1");
  hash("sha256", inner, "buffer").copy(outer, blockBytes);
  return hash("sha256", outer, "hex");
}

const blockBytes = 64;

const hexOf = (uuid: string): string => uuid.replaceAll("-", "").toLowerCase();

const digits = (number: number): string => String(number).padStart(10, "0");
