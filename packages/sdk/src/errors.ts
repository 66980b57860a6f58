/** Marks our errors across copies of this package, where `instanceof` would not. */
const brand = Symbol.for("tenantry.error.v1");

/** What is wrong with one part of a request; `pointer` is a JSON pointer, such as `/email`. */
export type FieldError = { pointer: string; message: string };

type Parts = {
  code: string;
  status: number;
  remedy?: string | undefined;
  retryAfterSeconds?: number;
  errors?: readonly FieldError[];
};

/** What every error of this package has in common: a stable `code`, the HTTP status it deserves, and what to do. */
export class TenantryError extends Error {
  readonly code: string;
  readonly status: number;
  readonly remedy: string | undefined;
  /** Seconds after which trying again makes sense. */
  readonly retryAfterSeconds: number | undefined;
  /** Each mistake in what was sent, where there are several or the field matters. */
  readonly errors: readonly FieldError[];

  constructor(message: string, parts: Parts, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = parts.code;
    this.status = parts.status;
    this.remedy = parts.remedy;
    this.retryAfterSeconds = parts.retryAfterSeconds;
    this.errors = parts.errors ?? [];
    Object.defineProperty(this, brand, { value: true });
  }

  /** The status under the name that Fastify and Express look for. */
  get statusCode(): number {
    return this.status;
  }
}

/** Whether `error` comes from this package, whichever copy of it made it. */
export function isTenantryError(error: unknown): error is TenantryError {
  return typeof error === "object" && error !== null && brand in error;
}

/** Tenant code ran where no tenant is known: a mistake in the application's wiring. */
export class TenantContextMissing extends TenantryError {
  constructor() {
    super(
      "No tenant is known here, because this code runs outside a tenant's request or job. In a web application put " +
        "the tenant middleware before this handler; in a job or a script wrap the work in " +
        "tenantry.run(environmentId, work); bind a callback that outlives its request with AsyncResource.bind().",
      { code: "tenant_context_missing", status: 500 },
    );
  }
}

/** The request carries no valid `Tenantry-Token`: it didn't come through the gateway. */
export class TenantTokenInvalid extends TenantryError {
  constructor(reason: string, options?: { cause?: unknown }) {
    super(
      `The request doesn't prove which tenant it is for: ${reason}.`,
      {
        code: "tenant_token_invalid",
        status: 401,
        remedy: "Reach the application through Tenantry's gateway, which signs each request.",
      },
      options,
    );
  }
}

/** A job doesn't prove which tenant it is for; it is never worked off, however often it is tried. */
export class JobRefused extends TenantryError {
  constructor(reason: string) {
    super(`The job is refused: ${reason}.`, {
      code: "job_refused",
      status: 403,
      remedy:
        "Send jobs in a tenant's context, through this package, and leave what lies in the queue unchanged.",
    });
  }
}

/** There is no such environment, or no longer, or it isn't one of this application's. */
export class EnvironmentUnknown extends TenantryError {
  constructor(environmentId: string) {
    super(`The environment ${environmentId} isn't known to this application.`, {
      code: "environment_unknown",
      status: 404,
    });
  }
}

/** The tenant is suspended: nothing of it may be used until it is resumed. */
export class EnvironmentSuspended extends TenantryError {
  constructor(tenantSlug: string) {
    super(`The tenant ${tenantSlug} is suspended.`, { code: "environment_suspended", status: 503 });
  }
}

/** The environment is being built, in maintenance, or failed. */
export class EnvironmentUnavailable extends TenantryError {
  constructor(tenantSlug: string, state: string) {
    super(`The tenant ${tenantSlug} isn't available at the moment: ${state}.`, {
      code: "environment_unavailable",
      status: 503,
      retryAfterSeconds: 5,
    });
  }
}

/** The environment's data moved while this call was under way. The next call goes to the new place. */
export class EnvironmentMoved extends TenantryError {
  constructor(environmentId: string, options?: { cause?: unknown }) {
    super(
      `The environment ${environmentId} moved to another place during this call.`,
      { code: "environment_moved", status: 503, remedy: "Repeat the call.", retryAfterSeconds: 1 },
      options,
    );
  }
}

/** Tenantry's API can't be reached, or didn't answer, and what was asked can't be done without it. */
export class RuntimeUnavailable extends TenantryError {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, { code: "runtime_unavailable", status: 503, retryAfterSeconds: 2 }, options);
  }
}

/** The e-mail address or the password is wrong; which of them is not told. */
export class LoginRefused extends TenantryError {
  constructor(message: string) {
    super(message, { code: "login_refused", status: 401 });
  }
}

/**
 * The password is right, and the address isn't proven: nobody logs in before it is, while the installation's setting
 * `requireEmailVerification` is on. `auth.verification` makes another proof to send.
 */
export class EmailNotVerified extends TenantryError {
  constructor(message: string, remedy?: string) {
    super(message, { code: "email_not_verified", status: 403, remedy });
  }
}

/** This proves no address here, or not any more: it was replaced by a newer one, ran out, or is of another tenant. */
export class VerificationRefused extends TenantryError {
  constructor(message: string, remedy?: string) {
    super(message, { code: "verification_invalid", status: 422, remedy });
  }
}

/** Too many attempts: wait `retryAfterSeconds`. */
export class TooManyAttempts extends TenantryError {
  constructor(message: string, retryAfterSeconds: number) {
    super(message, { code: "too_many_requests", status: 429, retryAfterSeconds });
  }
}
