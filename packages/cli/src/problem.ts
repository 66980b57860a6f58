import type { ErrorCode } from "@tenantry/contract";

/** What the command itself refuses, beside what the API does. */
export type LocalCode =
  | "apply_incomplete"
  | "changed_meanwhile"
  | "domain_not_active"
  | "file_unreadable"
  | "file_unwritable"
  | "file_invalid"
  | "installation_not_found"
  | "installation_not_ready"
  | "installation_unreachable"
  | "level_refuses"
  | "not_changeable"
  | "not_confirmed"
  | "not_tenantry"
  | "schema_drifted"
  | "start_failed"
  | "stop_failed"
  | "wrong_usage";

/** A problem document (RFC 9457), from the API or from the command itself, which has no status. */
export type Problem = {
  type?: string;
  title: string;
  status?: number;
  detail?: string;
  code?: ErrorCode | LocalCode | (string & {});
  remedy?: string;
  errors?: { pointer: string; message: string }[];
  operationId?: string;
  /** With `contents_missing`: the hashes of chunks that weren't uploaded yet. */
  missing?: string[];
  requestId?: string;
};

/** Ends the command: with exit code 2 when it was used wrongly, else with 1. */
export class CliError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem, options: { cause?: unknown } = {}) {
    super(problem.detail ?? problem.title, options);
    this.problem = problem;
  }

  get exitCode(): 1 | 2 {
    return this.problem.code === "wrong_usage" ? 2 : 1;
  }
}

/** Whether the API, or the command, refused with this code. */
export function isRefusal(error: unknown, code: Problem["code"]): error is CliError {
  return error instanceof CliError && error.problem.code === code;
}

/** What the command refuses by itself. `cause` is for people who look for mistakes in Tenantry; it isn't shown. */
export function refusal(
  code: Exclude<LocalCode, "wrong_usage">,
  title: string,
  { remedy, cause, errors }: Pick<Problem, "errors"> & { remedy?: string | undefined; cause?: unknown } = {},
): CliError {
  return new CliError({ title, code, remedy, ...(errors && { errors }) }, { cause });
}

export function wrongUsage(title: string, remedy?: string): CliError {
  return new CliError({ title, code: "wrong_usage", remedy });
}
