import { createHash, randomBytes } from "node:crypto";

/** A secret that nobody guesses: 256 random bits, 43 characters of base64url. */
export function newToken(): string {
  return randomBytes(32).toString("base64url");
}

/** What the registry keeps of a token. A fast hash will do: 256 random bits can't be guessed. */
export function hashOfToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
