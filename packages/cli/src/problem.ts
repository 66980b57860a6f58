import { inspect } from "node:util";

/** What the API refused, as RFC 9457 has it. */
export type Problem = {
  title: string;
  status: number;
  detail?: string;
  code?: string;
  remedy?: string;
  errors?: { pointer: string; message: string }[];
  operationId?: string;
  requestId?: string;
};

/** Something that ends the command with exit code 1, and a text for people. */
export class CliError extends Error {
  readonly problem: Problem | undefined;
  readonly remedy: string | undefined;

  constructor(message: string, options: { problem?: Problem; remedy?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.problem = options.problem;
    this.remedy = options.remedy;
  }
}

export function refusedBy(problem: Problem): CliError {
  return new CliError(problem.detail ?? problem.title, { problem, remedy: problem.remedy });
}

/** How an error is told: for people, or as the problem document itself. */
export function describeError(error: unknown, json: boolean): string {
  if (!(error instanceof CliError)) return `This is a mistake in Tenantry itself: ${inspect(error)}`;
  const { problem } = error;
  if (json) return JSON.stringify(problem ?? { title: error.message, remedy: error.remedy }, null, 2);
  const lines = [`Error: ${error.message}`];
  for (const { pointer, message } of problem?.errors ?? []) {
    if (message !== error.message) lines.push(`  ${pointer}: ${message}`);
  }
  if (problem?.operationId) lines.push(`  Operation: tenantry operation show ${problem.operationId}`);
  if (error.remedy) lines.push(error.remedy);
  return lines.join("\n");
}
