import type { Argument, Command, Option } from "commander";

/** What may stand where the cursor is. */
export type Expected =
  | { kind: "choices"; choices: readonly Choice[] }
  /** A value that a program gave a name to: `<tenant>`, `<dir>`. */
  | { kind: "value"; name: string; values: readonly string[] }
  | { kind: "nothing" };

export type Choice = { word: string; about: string };

export type Situation = {
  expected: Expected;
  /** What was given on the command line so far, by attribute: `apiKey`. */
  options: Readonly<Record<string, string>>;
};

type State = {
  command: Command;
  values: string[];
  options: Record<string, string>;
  awaited: Option | undefined;
};

/** Reads the words before the cursor, and says what may follow. `current` is the word at the cursor, as far as it is typed. */
export function expectAfter(program: Command, before: readonly string[], current: string): Situation {
  const state: State = { command: program, values: [], options: {}, awaited: undefined };
  // bash takes --level=x apart into three words.
  for (const word of before.flatMap(splitAssignment)) take(state, word);
  return { expected: expected(state, current), options: state.options };
}

/** `--level=da` → `--level`, `da`: a value at the cursor is completed for itself. */
export function splitAssignment(word: string): string[] {
  if (word === "=") return [];
  const at = word.indexOf("=");
  return word.startsWith("--") && at > 0 ? [word.slice(0, at), word.slice(at + 1)] : [word];
}

function take(state: State, word: string): void {
  if (state.awaited) {
    state.options[state.awaited.attributeName()] = word;
    state.awaited = undefined;
    return;
  }
  if (word.startsWith("-")) {
    const option = state.command.options.find(({ long, short }) => word === long || word === short);
    if (option && (option.required || option.optional)) state.awaited = option;
    else if (option) state.options[option.attributeName()] = "true";
    return;
  }
  const child = state.command.commands.find((command) => command.name() === word);
  if (child) state.command = child;
  else state.values.push(word);
}

function expected({ command, values, options, awaited }: State, current: string): Expected {
  if (awaited) return namedValue(awaited.argChoices, nameOf(awaited.flags), values);
  if (current.startsWith("-")) return { kind: "choices", choices: flags(command, options) };
  if (command.commands.length > 0) {
    return {
      kind: "choices",
      choices: command.commands.map((child) => ({ word: child.name(), about: child.summary() })),
    };
  }
  const argument = argumentAt(command.registeredArguments, values.length);
  return argument ? namedValue(argument.argChoices, argument.name(), values) : { kind: "nothing" };
}

function argumentAt(all: readonly Argument[], index: number): Argument | undefined {
  const last = all.at(-1);
  return all[index] ?? (last?.variadic ? last : undefined);
}

function namedValue(
  choices: readonly string[] | undefined,
  name: string,
  values: readonly string[],
): Expected {
  if (choices) return { kind: "choices", choices: choices.map((word) => ({ word, about: "" })) };
  return { kind: "value", name, values };
}

function nameOf(flags: string): string {
  return /[<[](.+?)(?:\.\.\.)?[>\]]/.exec(flags)?.[1] ?? "";
}

/** Those that can still be given: all that weren't, and those that may be repeated. */
function flags(command: Command, given: Readonly<Record<string, string>>): Choice[] {
  return [...command.options, command.createOption("--help", "show help")]
    .filter((option) => !(option.attributeName() in given) || option.description.includes("(repeatable)"))
    .flatMap(({ long, description }) => (long ? [{ word: long, about: description }] : []));
}
