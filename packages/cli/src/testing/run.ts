import { Readable } from "node:stream";
import { vi } from "vitest";
import { main } from "../main.ts";

export type Ran = { code: number; stdout: string; stderr: string };

/** Runs a command line in this process, as a shell takes it apart, with `input` on standard input. One at a time. */
export function run(line: string, environment: Record<string, string>, input = ""): Promise<Ran> {
  return runWords(words(line), environment, input);
}

/** The same, of words that no shell has to take apart: the first is the command's own name. */
export async function runWords(
  given: readonly string[],
  environment: Record<string, string>,
  input = "",
): Promise<Ran> {
  const said = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      said[name] += text;
      return true;
    }),
  );
  const before = { env: process.env, stdin: Object.getOwnPropertyDescriptor(process, "stdin")! };
  process.env = { ...process.env, NO_COLOR: "1", ...environment };
  Object.defineProperty(process, "stdin", {
    ...before.stdin,
    get: () => Readable.from([input]),
    configurable: true,
  });
  try {
    return { code: await main(["node", ...given]), ...said };
  } finally {
    process.env = before.env;
    Object.defineProperty(process, "stdin", before.stdin);
    process.exitCode = undefined;
    for (const spy of spies) spy.mockRestore();
  }
}

/** Words and quoted words; a redirection isn't one. */
export function words(line: string): string[] {
  const command = line.replace(/ [<>] \S+$/, "");
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!);
}
