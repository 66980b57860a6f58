import { Argument, Command } from "commander";

/** `tenantry completion bash|zsh|fish`: prints a script that completes commands and options. */
export function completionCommand(): Command {
  return new Command("completion")
    .description('print shell completion: eval "$(tenantry completion bash)"')
    .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
    .action((shell: string, _options: object, command: Command) => {
      process.stdout.write(scripts[shell as keyof typeof scripts](wordsOf(command.parent!)));
    });
}

/** What may follow each command path: `{ "": ["tenant", …], "tenant": ["create", …], "tenant create": ["--name", …] }`. */
export function wordsOf(program: Command, path = ""): Map<string, string[]> {
  const options = program.options
    .map((option) => option.long)
    .filter((long) => long !== undefined && long !== null);
  const words = new Map([
    [path, [...program.commands.map((command) => command.name()), ...(options as string[])]],
  ]);
  for (const command of program.commands) {
    for (const [key, value] of wordsOf(command, path ? `${path} ${command.name()}` : command.name()))
      words.set(key, value);
  }
  return words;
}

const cases = (words: Map<string, string[]>) =>
  [...words].map(([path, next]) => `    "${path}") words="${next.join(" ")}" ;;`).join("\n");

const bash = (words: Map<string, string[]>) => `_tenantry() {
  local path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) continue ;; esac
    case "\${path:+$path }$word" in
${[...words.keys()]
  .filter((path) => path !== "")
  .map((path) => `      "${path}") path="${path}" ;;`)
  .join("\n")}
    esac
  done
  case "$path" in
${cases(words)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _tenantry tenantry
`;

const scripts = {
  bash,
  zsh: (words: Map<string, string[]>) => `autoload -U +X bashcompinit && bashcompinit\n${bash(words)}`,
  fish: (words: Map<string, string[]>) =>
    `${[...words].flatMap(([path, next]) => next.map((word) => fishLine(path, word))).join("\n")}\n`,
};

function fishLine(path: string, word: string): string {
  const condition =
    path === ""
      ? "__fish_use_subcommand"
      : path
          .split(" ")
          .map((part) => `__fish_seen_subcommand_from ${part}`)
          .join("; and ");
  const what = word.startsWith("--") ? `-l ${word.slice(2)}` : `-f -a ${word}`;
  return `complete -c tenantry -n "${condition}" ${what}`;
}
