import { InvalidArgument, RangeNotSatisfiable } from "../errors.ts";
import type { ByteRange } from "./storage.ts";

/** Throws `InvalidArgument` for a range that no object could have. */
export function checkRange({ start, end = 0 }: ByteRange): void {
  if (!Number.isSafeInteger(start) || start < 0 || !Number.isSafeInteger(end)) {
    throw new InvalidArgument("A range needs whole, non-negative numbers of bytes.");
  }
}

/** The bytes of an object of that size that a range means. Throws `RangeNotSatisfiable`. */
export function resolveRange(key: string, wanted: ByteRange, size: number): { start: number; end: number } {
  checkRange(wanted);
  const { start, end = size - 1 } = wanted;
  if (start >= size || end < start) throw new RangeNotSatisfiable(key, size);
  return { start, end: Math.min(end, size - 1) };
}
