import { InvalidArgument, ValueTooLarge } from "../errors.ts";

const maxKeyBytes = 512;
const maxTtlSeconds = 366 * 86_400;

export function checkCacheKey(key: string): void {
  if (typeof key !== "string" || key === "")
    throw new InvalidArgument("A cache key is a text that isn't empty.");
  if (!key.isWellFormed()) throw new InvalidArgument("A cache key is well-formed Unicode.");
  if (Buffer.byteLength(key) > maxKeyBytes) {
    throw new InvalidArgument(`A cache key has ${maxKeyBytes} bytes at most.`);
  }
}

const globalNameForm = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;

export function checkGlobalName(name: string): void {
  if (typeof name === "string" && globalNameForm.test(name)) return;
  throw new InvalidArgument("The name of a global cache is up to 63 small letters, digits, - and _.");
}

/** Milliseconds to live; undefined for no limit. */
export function checkTtl(ttlSeconds: number | undefined): number | undefined {
  if (ttlSeconds === undefined) return undefined;
  const milliseconds = Math.ceil(ttlSeconds * 1000);
  if (typeof ttlSeconds !== "number" || !(ttlSeconds > 0) || !(ttlSeconds <= maxTtlSeconds)) {
    throw new InvalidArgument(`ttlSeconds is a number above 0 and up to ${maxTtlSeconds}.`);
  }
  return milliseconds;
}

export function checkIncrement(by: number): number {
  if (!Number.isSafeInteger(by)) throw new InvalidArgument("A counter is raised by a whole number.");
  return by;
}

/** The value as JSON; throws for what JSON can't say and for what is too large. */
export function serialize(key: string, value: unknown, maxBytes: number): string {
  const text = toJson(value);
  if (text === undefined) {
    throw new InvalidArgument(`The value of ${JSON.stringify(key)} can't be said in JSON.`);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) throw new ValueTooLarge(key, bytes, maxBytes);
  return text;
}

/** The counter's next value; throws when something else stands under the key, or the sum can't be exact. */
export function addTo(key: string, stored: string | undefined, by: number): number {
  const present: unknown = stored === undefined ? 0 : JSON.parse(stored);
  if (!Number.isSafeInteger(present)) {
    throw new InvalidArgument(`${JSON.stringify(key)} holds no whole number, so it can't be counted up.`);
  }
  return checkIncrement((present as number) + by);
}

function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    // A circle or a bigint: to the caller the same as a function, for which JSON.stringify answers undefined.
    return undefined;
  }
}
