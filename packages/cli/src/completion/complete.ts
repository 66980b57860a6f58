import { visibleLine } from "../output/text.ts";
import { createProgram } from "../program.ts";
import { lookUp } from "./values.ts";
import { type Choice, expectAfter, splitAssignment } from "./words.ts";

/**
 * What the shells' scripts call: the words of the command line up to the cursor, each as an argument. Answers a line for
 * each proposal (word, tab, explanation), and last what else the shell is to do: `:files`, `:directories`, `:nospace` (the word goes on) or `:nothing`.
 */
export async function complete(
  words: readonly string[],
  out: NodeJS.WritableStream = process.stdout,
): Promise<number> {
  const { choices, rest } = await propose(words);
  const lines = choices.map(({ word, about }) => `${word}\t${visibleLine(about)}`);
  out.write(`${[...lines, `:${rest}`].join("\n")}\n`);
  return 0;
}

type Proposal = { choices: Choice[]; rest: "nothing" | "nospace" | "files" | "directories" };

async function propose(words: readonly string[]): Promise<Proposal> {
  const typed = words.at(-1) ?? "";
  const parts = splitAssignment(typed);
  const current = parts.pop() ?? "";
  const { expected, options } = expectAfter(createProgram(), [...words.slice(0, -1), ...parts], current);
  if (expected.kind === "nothing") return { choices: [], rest: "nothing" };
  if (expected.kind === "value" && expected.name === "dir") return { choices: [], rest: "directories" };
  if (expected.kind === "value" && expected.name === "file") return { choices: [], rest: "files" };
  const all =
    expected.kind === "choices" ? expected.choices : await lookUp(expected.name, expected.values, options);
  const prefix = parts.length > 0 ? `${parts[0]}=` : "";
  const choices = all
    .filter(({ word }) => word.startsWith(current))
    .map(({ word, about }) => ({ word: prefix + word, about }));
  return { choices, rest: choices.some(({ word }) => word.endsWith("=")) ? "nospace" : "nothing" };
}
