import { InvalidArgument, UnsafeKey } from "../errors.ts";
import { isKey } from "./key.ts";

/** How many objects a page of a list holds. */
export function checkLimit(limit = 100): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit;
  throw new InvalidArgument("The limit of a list is a whole number from 1 to 1,000.");
}

export function makeCursor(key: string): string {
  return Buffer.from(key).toString("base64url");
}

export function parseCursor(cursor: string): string {
  const key = Buffer.from(cursor, "base64url").toString("utf8");
  if (!isKey(key)) throw new UnsafeKey(key, "is no cursor of this list");
  return key;
}
