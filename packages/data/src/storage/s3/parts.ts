import { ObjectTooLarge } from "../../errors.ts";
import type { StorageBody } from "../storage.ts";

const smallPart = 8 * 2 ** 20;
const largePart = 64 * 2 ** 20;
/** A store takes 10,000 parts: those after so many are larger, which makes room for half a terabyte. */
const smallParts = 1_000;

/** How long a part is, from 1 on, unless it is the last one. */
export const partLength = (number: number): number => (number <= smallParts ? smallPart : largePart);

export type BodyLimits = { maxBytes: number; signal?: AbortSignal };

/**
 * A body in parts of 8 MiB, later of 64 MiB, the last one shorter; one empty part when there is nothing. Reads no further
 * than it is asked to. Throws `ObjectTooLarge`, what the body throws, and why the signal aborted.
 */
export async function* partsOf(
  key: string,
  body: StorageBody,
  { maxBytes, signal }: BodyLimits,
): AsyncGenerator<Buffer, void> {
  signal?.throwIfAborted();
  const chunks = typeof body === "string" || body instanceof Uint8Array ? [body] : body;
  let [taken, total, given] = [[] as Uint8Array[], 0, 0];
  let room = partLength(1);
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    let bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    total += bytes.byteLength;
    if (total > maxBytes) throw new ObjectTooLarge(key, maxBytes);
    while (bytes.byteLength >= room) {
      taken.push(bytes.subarray(0, room));
      bytes = bytes.subarray(room);
      const part = Buffer.concat(taken);
      taken = [];
      given += 1;
      room = partLength(given + 1);
      yield part;
    }
    // A copy: the sender may use its buffer again.
    if (bytes.byteLength > 0) taken.push(Buffer.from(bytes));
    room -= bytes.byteLength;
  }
  signal?.throwIfAborted();
  if (taken.length > 0 || given === 0) yield Buffer.concat(taken);
}
