import type { Command } from "commander";
import { defineGroup } from "../../command.ts";
import { listCommand, showCommand } from "./reads.ts";
import { createCommand, releaseCommand } from "./release.ts";
import { rotateSecretsCommand } from "./secrets.ts";

/** `tenantry app …` */
export function appCommand(): Command {
  return defineGroup("app", "the applications that tenants run", [
    createCommand(),
    releaseCommand(),
    listCommand(),
    showCommand(),
    rotateSecretsCommand(),
  ]);
}
