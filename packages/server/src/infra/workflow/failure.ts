import { errorCatalogue } from "@tenantry/contract";
import { isDiskFull, TenantryError } from "../../kernel/index.ts";

/** An error as an operation and its steps record it: public to operators, without stack or cause. */
export type RecordedError = { code: string; title: string; detail?: string; remedy?: string };

export function recordError(error: unknown): RecordedError {
  if (error instanceof TenantryError) {
    const { code, title, remedy, details } = error;
    return { code, title, detail: details.detail, remedy };
  }
  const detail = error instanceof Error ? error.message : String(error);
  const code = isDiskFull(error) ? "disk_full" : "operation_failed";
  return { code, ...titleAndRemedy(code), detail };
}

/**
 * An expected refusal (a mistake in a migration, a taken name) stays one however often it is tried. A server that can't
 * be reached is one to whoever registers it; to an operation it may be back in a moment.
 */
export function isWorthRetrying(error: unknown): boolean {
  if (!(error instanceof TenantryError) || error.code === "server_unreachable") return true;
  return error.status >= 500 || error.status === 429;
}

function titleAndRemedy(code: "operation_failed" | "disk_full"): { title: string; remedy?: string } {
  const { title, remedy } = errorCatalogue[code];
  return { title, remedy };
}

/** Milliseconds before try number `attempt + 1`: doubling from `baseMs` to a minute, spread by a fifth either way. */
export function retryDelayMs(attempt: number, baseMs: number): number {
  const delay = Math.min(baseMs * 2 ** (attempt - 1), 60_000);
  return Math.round(delay * (0.8 + Math.random() * 0.4));
}
