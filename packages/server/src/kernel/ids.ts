import { randomBytes } from "node:crypto";
import { echo } from "./echo.ts";
import { failure } from "./errors.ts";

/** Crockford's base32 in lower case, as TypeID 0.3 uses it. */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

export type IdPrefix =
  | "tnt"
  | "env"
  | "op"
  | "app"
  | "rel"
  | "srv"
  | "sts"
  | "csr"
  | "db"
  | "usr"
  | "ses"
  | "key"
  | "evt"
  | "plc"
  | "ins"
  | "rpt"
  | "tpl"
  | "dom";

const last = { ms: 0, count: 0 };

/**
 * A new UUIDv7 (RFC 9562, method 1): sorts by the time it was made, and after all that this process made before, also
 * in the same millisecond.
 */
export function newId(now: number = Date.now()): string {
  const bytes = randomBytes(16);
  // Half of the counter's room is left for counting on from where chance begins.
  if (now > last.ms) Object.assign(last, { ms: now, count: bytes.readUInt16BE(6) & 0x7ff });
  else if (last.count < 0xfff) last.count += 1;
  else Object.assign(last, { ms: last.ms + 1, count: 0 });
  bytes.writeUIntBE(last.ms, 0, 6);
  bytes.writeUInt16BE(0x7000 | last.count, 6);
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The least id that anybody makes at this time: later ones sort after it. */
export function firstIdAt(ms: number): string {
  const hex = ms.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** The 26 characters by which a UUID is shown and used in physical names. */
export function encodeUuid(uuid: string): string {
  let value = BigInt(`0x${uuid.replaceAll("-", "")}`);
  let text = "";
  for (let position = 0; position < 26; position += 1) {
    text = alphabet[Number(value & 31n)] + text;
    value >>= 5n;
  }
  return text;
}

/** Shows a UUID as a TypeID: `tnt_01jd…`. */
export function showId(prefix: IdPrefix, uuid: string): string {
  return `${prefix}_${encodeUuid(uuid)}`;
}

/** Reads a TypeID back to its UUID; undefined when it is none of that prefix. */
export function parseId(prefix: IdPrefix, text: string): string | undefined {
  const match = /^([a-z]+)_([0-7][0-9a-hjkmnp-tv-z]{25})$/.exec(text);
  if (!match || match[1] !== prefix) return undefined;
  let value = 0n;
  for (const character of match[2]!) value = (value << 5n) | BigInt(alphabet.indexOf(character));
  const hex = value.toString(16).padStart(32, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Like `parseId`, but an id that is none is an error that names the field. */
export function requireId(prefix: IdPrefix, text: string, pointer: string): string {
  const id = parseId(prefix, text);
  if (id === undefined) {
    const message = `${echo(text)} is not an id of the form ${prefix}_….`;
    throw failure("invalid_request", { detail: message, errors: [{ pointer, message }] });
  }
  return id;
}

/** When a UUIDv7 was made; milliseconds since 1970. */
export function timeOf(uuid: string): number {
  return Number.parseInt(uuid.replaceAll("-", "").slice(0, 12), 16);
}
