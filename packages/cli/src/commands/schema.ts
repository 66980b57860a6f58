import type { SchemaCheckReply } from "@tenantry/contract";
import type { Command } from "commander";
import { contextOf, defineCommand, defineGroup, overApi } from "../command.ts";
import type { Look } from "../output/look.ts";
import { state, table } from "../output/table.ts";
import { readMigrations } from "./app/migrations.ts";

/** `tenantry schema …` */
export function schemaCommand(): Command {
  return defineGroup("schema", "what works at which database level", [checkCommand()]);
}

function checkCommand(): Command {
  const command = defineCommand("check", {
    summary: "say at which database levels an application's migrations work, by file and line",
    details:
      "They are applied to an empty database on a server of the installation, which is removed again. What is refused " +
      "at a level keeps tenants from it; what differs works, but not quite as on a server of its own.",
    examples: ["schema check ./migrations", "schema check ./migrations --json"],
    calls: ["checkSchema"],
  }).argument("<directory>", "where the .sql files are");
  return overApi(command).action(async (directory: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    const migrations = await readMigrations(directory);
    const { body } = await client.call<SchemaCheckReply>("POST", "/v1/schema-checks", {
      body: { migrations },
    });
    output.result(body, showCheck);
  });
}

function showCheck({ levels, findings }: SchemaCheckReply, look: Look): string {
  const summary = table(
    look,
    ["level", "works"],
    levels.map(({ level, works }) => [level, state(works ? "yes" : "no")]),
  );
  const told = findings.map(({ level, severity, object, file, line, problem, remedy }) =>
    [
      `${file === null ? "somewhere" : `${file}:${line}`} ${object} (${level}: ${severity})`,
      `  ${problem}`,
      `  ${remedy}`,
    ].join("\n"),
  );
  return [summary, ...told].join("\n\n");
}
