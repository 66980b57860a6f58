import { type ErrorCode, errorCatalogue } from "@tenantry/contract";

/** One mistake in a request, at the JSON pointer (or parameter name) where it stands. */
export type FieldError = { pointer: string; message: string };

export type ErrorDetails = {
  /** What happened this time, in a sentence for the person who reads it. */
  detail?: string;
  /** What to do next; the catalogue's remedy when left out. */
  remedy?: string;
  errors?: FieldError[];
  /** More members of the problem document: public, never secrets. */
  extra?: Record<string, unknown>;
  /** Seconds after which trying again makes sense. */
  retryAfterSeconds?: number;
};

/**
 * An error from the catalogue. Public text comes from `@tenantry/contract`; `cause` stays private and goes to the log.
 */
export class TenantryError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly title: string;
  readonly remedy: string | undefined;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: { cause?: unknown }) {
    const entry = errorCatalogue[code];
    super(details.detail ?? entry.title, options);
    this.name = "TenantryError";
    this.code = code;
    this.status = entry.status;
    this.title = entry.title;
    this.remedy = details.remedy ?? entry.remedy;
    this.details = details;
  }
}

/** Makes an error of the catalogue: `throw failure("tenant_not_found", { detail: … })`. */
export function failure(
  code: ErrorCode,
  details?: ErrorDetails,
  options?: { cause?: unknown },
): TenantryError {
  return new TenantryError(code, details, options);
}

/** A request is wrong at one field: 422 with the pointer and what would be right. */
export function invalidField(pointer: string, message: string, remedy?: string): TenantryError {
  return new TenantryError("invalid_request", { detail: message, remedy, errors: [{ pointer, message }] });
}

/** Lets a refusal that names no field name this one: `await atField("/app", findApp(tx, body.app))`. */
export async function atField<Result>(pointer: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof TenantryError) || error.details.errors) throw error;
    const errors = [{ pointer, message: error.message }];
    throw new TenantryError(error.code, { ...error.details, errors }, { cause: error.cause });
  }
}

export function hasCode(error: unknown, code: ErrorCode): error is TenantryError {
  return error instanceof TenantryError && error.code === code;
}
