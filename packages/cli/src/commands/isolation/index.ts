import type { Command } from "commander";
import { defineGroup } from "../../command.ts";
import { checkReportCommand } from "./check-report.ts";
import { reportCommand, reportsCommand } from "./reports.ts";
import { verifyCommand } from "./verify.ts";

/** `tenantry isolation …` */
export function isolationCommand(): Command {
  return defineGroup("isolation", "whether tenants are kept apart: try it, and read what came of it", [
    verifyCommand(),
    reportsCommand(),
    reportCommand(),
    checkReportCommand(),
  ]);
}
