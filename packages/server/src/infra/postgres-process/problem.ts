/** What can keep an embedded PostgreSQL from running. */
export type PostgresProblem =
  | "postgres_unavailable"
  | "postgres_not_permitted"
  | "postgres_initialisation_failed"
  | "postgres_start_failed"
  | "port_in_use";

/** An expected failure, in one sentence for the person at the terminal; `code` is for programs. */
export class PostgresProcessError extends Error {
  readonly code: PostgresProblem;

  constructor(code: PostgresProblem, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "PostgresProcessError";
    this.code = code;
  }
}
