import type { TenantryError } from "./errors.ts";

/** An RFC 9457 answer, ready to be written by any framework. */
export type Problem = { status: number; headers: Record<string, string>; body: string };

/** The answer that an error of this package deserves. */
export function problemOf(error: TenantryError): Problem {
  const headers: Record<string, string> = {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
  };
  if (error.retryAfterSeconds !== undefined) {
    headers["retry-after"] = String(Math.ceil(error.retryAfterSeconds));
  }
  const body = JSON.stringify({
    type: "about:blank",
    title: titles[error.status] ?? "Something broke.",
    status: error.status,
    // What a server does wrong inside is for its log, not for its visitors.
    detail: error.status === 500 ? undefined : error.message,
    code: error.code,
    remedy: error.remedy,
  });
  return { status: error.status, headers, body };
}

const titles: Record<number, string> = {
  401: "This request isn't authenticated.",
  404: "There is nothing here.",
  429: "Too many requests.",
  503: "This isn't available at the moment.",
};
