export type TestKitErrorCode =
  | "migrations_unreadable"
  | "host_not_started"
  | "host_gone"
  | "closed"
  /** One of the API's: `migration_failed`, `isolation_unavailable`. */
  | (string & {});

/** The test kit can't do what was asked. The message says why, and what to do about it. */
export class TestKitError extends Error {
  readonly code: TestKitErrorCode;

  constructor(code: TestKitErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "TestKitError";
    this.code = code;
  }
}
