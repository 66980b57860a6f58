import { randomBytes } from "node:crypto";

/** A slug that nobody has had: a test that is tried again must not meet what its first try left. */
export function fresh(prefix: string): string {
  return `${prefix}-${randomBytes(3).toString("hex")}`;
}
