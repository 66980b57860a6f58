import { createHash, randomInt } from "node:crypto";
import { crc32 } from "node:zlib";
import type { KeyKind } from "@tenantry/contract";

export type NewApiKey = {
  /** Shown once, kept nowhere. */
  key: string;
  /** Its beginning, by which people tell keys apart. */
  hint: string;
  hash: Buffer;
};

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const prefixes = { operator: "tk_op_", app: "tk_app_" } as const satisfies Record<KeyKind, string>;
const secretLength = 32;
const checksumLength = 6;

/**
 * A new key: a prefix that secret scanners can find, 190 random bits, and a checksum by which a mistyped or made-up
 * key is refused before any database is asked.
 */
export function newApiKey(kind: KeyKind): NewApiKey {
  let secret = "";
  while (secret.length < secretLength) secret += alphabet[randomInt(alphabet.length)];
  const key = `${prefixes[kind]}${secret}${checksum(secret)}`;
  return { key, hint: `${prefixes[kind]}${secret.slice(0, 4)}…`, hash: hashKey(key) };
}

/** The kind of key this may be; undefined when it can't be one. */
export function hasKeyForm(key: string): KeyKind | undefined {
  const match = /^tk_(op|app)_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/.exec(key);
  if (!match || checksum(match[2]!) !== match[3]) return undefined;
  return match[1] === "op" ? "operator" : "app";
}

/** What the registry keeps of a key. A fast hash will do: 190 random bits can't be guessed. */
export function hashKey(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

function checksum(secret: string): string {
  let value = crc32(secret);
  let text = "";
  while (text.length < checksumLength) {
    text = alphabet[value % alphabet.length] + text;
    value = Math.floor(value / alphabet.length);
  }
  return text;
}
