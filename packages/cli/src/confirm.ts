import { refusal } from "./problem.ts";

/** Prompts go to standard error: standard output is for the result. */
const onTerminal = { output: process.stderr };

function requireSomebody(what: string, remedy: string): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return;
  throw refusal("not_confirmed", `${what}, and there is nobody to ask.`, { remedy });
}

/** Asks to type `word`; throws unless that is done. */
export async function confirmByTyping(message: string, word: string): Promise<void> {
  requireSomebody(`This asks to type ${word}`, "Add --yes to do it without being asked.");
  const { isCancel, text } = await import("@clack/prompts");
  const typed = await text({ message, ...onTerminal });
  if (isCancel(typed)) throw refusal("not_confirmed", "Nothing was done.");
  if (typed !== word) throw refusal("not_confirmed", `Nothing was done: that wasn't ${word}.`);
}

/** Asks yes or no; throws unless it is yes. */
export async function confirm(message: string): Promise<void> {
  requireSomebody("This asks for a yes", "Add --yes to do it without being asked.");
  const prompts = await import("@clack/prompts");
  const answer = await prompts.confirm({ message, initialValue: false, ...onTerminal });
  if (answer !== true) throw refusal("not_confirmed", "Nothing was done.");
}

export type SecretSource = {
  /** What the flag said: the secret itself, or `-` for standard input. */
  given: string | undefined;
  /** The environment variable that may hold it. */
  variable: string;
  flag: string;
  /** What is asked for on a terminal. */
  question: string;
};

/** A secret from where it doesn't end up in the shell's history: standard input, the environment, or a prompt. */
export async function readSecret({ given, variable, flag, question }: SecretSource): Promise<string> {
  if (given === "-") return readStandardInput();
  const known = given ?? (process.env[variable] || undefined);
  if (known !== undefined) return known;
  requireSomebody(
    `${question} is missing`,
    `Give ${flag} - and write it to standard input, or set ${variable}.`,
  );
  const { password } = await import("@clack/prompts");
  const typed = await password({ message: `${question}:`, ...onTerminal });
  if (typeof typed !== "string" || typed === "") throw refusal("not_confirmed", "Nothing was done.");
  return typed;
}

/** All of standard input, without the line break at its end. */
export async function readStandardInput(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk as string;
  return text.replace(/\r?\n$/, "");
}
