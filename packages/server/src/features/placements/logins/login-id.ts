import { createHash } from "node:crypto";

/**
 * Of the login by which an operation works on an environment: the same for every attempt, and for nobody else. As a UUID
 * of version 8.
 */
export function loginIdOf(operationId: string, environmentId: string): string {
  const hex = createHash("sha256").update(`${operationId} ${environmentId}`).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}
