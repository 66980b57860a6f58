import type { Command } from "commander";
import { flagOf } from "./flag-names.ts";
import { lookOf } from "./output/look.ts";
import { brief, toJson, unforeseen, visible } from "./output/text.ts";
import { CliError, type Problem } from "./problem.ts";

/** What failed, and where: the command that ran, if it came to that. */
export type Failure = { error: unknown; command: Command | undefined; json: boolean };

/** Tells on standard error why the command failed: for people, or as a problem document and nothing else. */
export function reportFailure(
  { error, command, json }: Failure,
  stream: NodeJS.WriteStream = process.stderr,
): void {
  const problem = problemOf(error);
  if (json) return void stream.write(`${toJson(problem)}\n`);
  const [first, ...more] = describeProblem(problem, command).map((line) => visible(brief(line)));
  stream.write(`${[`${lookOf(stream).paint("bad", "Error:")} ${first}`, ...more].join("\n")}\n`);
}

function problemOf(error: unknown): Problem {
  if (error instanceof CliError) return error.problem;
  return {
    title: "This is a mistake in Tenantry itself.",
    detail: `This is a mistake in Tenantry itself: ${unforeseen(error)}`,
    code: "internal",
  };
}

/** The lines for people. Mistakes in the request are told by the flags that they came from. */
export function describeProblem(problem: Problem, command: Command | undefined): string[] {
  const { title, detail, code, errors = [], operationId } = problem;
  const told = errors
    .filter(({ message }) => code === "invalid_request" || !detail?.includes(message))
    .map(({ pointer, message }) => {
      const flag = flagOf(pointer, command);
      return flag ? `${flag}: ${message}` : message;
    });
  const isRequest = code === "invalid_request" && told.length > 0;
  const lines =
    isRequest && told.length === 1
      ? [told[0]!]
      : [isRequest ? title : (detail ?? title), ...told.map(indent)];
  // What the API advises for any bad request speaks of its own fields.
  if (problem.remedy && code !== "invalid_request") lines.push(problem.remedy);
  if (operationId) lines.push(`Its steps: tenantry operation show ${operationId}`);
  return lines;
}

const indent = (line: string) => `  ${line}`;
