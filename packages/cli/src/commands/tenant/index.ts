import type { Command } from "commander";
import { defineGroup } from "../../command.ts";
import { flushCacheCommand, showCacheCommand } from "./cache.ts";
import { statusCommands, updateCommand } from "./changes.ts";
import { cloneCommand } from "./clone.ts";
import { createCommand } from "./create.ts";
import { credentialsCommand } from "./credentials.ts";
import { deleteCommand } from "./delete.ts";
import { maintenanceCommand } from "./maintenance.ts";
import { moveCommand } from "./move.ts";
import { listCommand, showCommand } from "./reads.ts";
import { treeCommand } from "./tree.ts";

/** `tenantry tenant …` */
export function tenantCommand(): Command {
  return defineGroup("tenant", "make tenants, look at them, change, suspend, close and delete them", [
    createCommand(),
    cloneCommand(),
    moveCommand(),
    listCommand(),
    showCommand(),
    treeCommand(),
    updateCommand(),
    ...statusCommands(),
    maintenanceCommand(),
    credentialsCommand(),
    showCacheCommand(),
    flushCacheCommand(),
    deleteCommand(),
  ]);
}
