import { Argument, type Command } from "commander";
import { defineCommand } from "../command.ts";
import { scripts } from "../completion/scripts.ts";

/** `tenantry completion bash|zsh|fish`: prints a script for the shell to read. */
export function completionCommand(): Command {
  return defineCommand("completion", {
    summary: "print a script that teaches your shell to complete commands, flags and names",
    examples: [
      "completion bash > ~/.local/share/bash-completion/completions/tenantry",
      "completion zsh > ~/.zsh/completions/_tenantry",
      "completion fish > ~/.config/fish/completions/tenantry.fish",
    ],
  })
    .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
    .action((shell: keyof typeof scripts) => void process.stdout.write(scripts[shell]));
}
