import { errorCatalogue } from "@tenantry/contract";
import { DataError } from "@tenantry/data";
import { isTenantryError, TenantryError } from "./errors.ts";

/** An RFC 9457 answer, ready to be written by any framework. */
export type Problem = { status: number; headers: Record<string, string>; body: string };

/** The answer that an error of this package deserves; undefined for any other error. */
export function problemOf(error: unknown): Problem | undefined {
  const known = error instanceof DataError ? fromDataPath(error) : (asFull(error) ?? error);
  return isTenantryError(known) ? describe(known) : undefined;
}

function describe(error: TenantryError): Problem {
  const headers: Record<string, string> = {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
  };
  if (error.retryAfterSeconds !== undefined) {
    headers["retry-after"] = String(Math.ceil(error.retryAfterSeconds));
  }
  const body = JSON.stringify({
    type: `https://tenantry.dev/errors/${error.code}`,
    title: titles[error.status] ?? "This request can't be answered.",
    status: error.status,
    // What a server does wrong inside is for its log, not for its visitors.
    detail: error.status === 500 ? undefined : error.message,
    code: error.code,
    remedy: error.remedy,
  });
  return { status: error.status, headers, body };
}

const quotaRemedy =
  "Take away what isn't needed, or have the operator raise the tenant's setting sqliteQuota.";

/** A database that has no room left says so by PostgreSQL's code for it, at every level. */
function asFull(error: unknown): TenantryError | undefined {
  const { code, message } = error instanceof Error ? (error as Error & { code?: unknown }) : {};
  if (message === undefined || (code !== "53100" && code !== "53400")) return undefined;
  const { status, remedy } = errorCatalogue.disk_full;
  return new TenantryError(message, {
    ...{ code: "disk_full", status },
    remedy: code === "53400" ? quotaRemedy : remedy,
  });
}

/** Errors of database, storage and cache carry a code of the catalogue, which knows the status. */
function fromDataPath(error: DataError): TenantryError {
  const { status, remedy } = errorCatalogue[error.code];
  const { retryAfterSeconds } = error as { retryAfterSeconds?: number };
  return new TenantryError(error.message, { code: error.code, status, remedy, retryAfterSeconds });
}

const titles: Record<number, string> = {
  401: "This request isn't authenticated.",
  403: "This may not be done.",
  404: "There is nothing here.",
  413: "This is too large.",
  422: "This request has a mistake.",
  429: "Too many requests.",
  500: "Something broke.",
  503: "This isn't available at the moment.",
  507: "There is no room left.",
};
